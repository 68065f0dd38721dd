"""Operations on pickups: `POST /session/{sid}/pickup`, and `/pickup/{code}`. SPEC.md section 4."""

from __future__ import annotations

from handshake_prompt.engine.access.fair_queue import HEAVY_STATE, take_slot
from handshake_prompt.engine.access.guard import Operation
from handshake_prompt.engine.idempotency_keys import check_idempotency_key
from handshake_prompt.engine.pickups import Exchange, Preview
from handshake_prompt.protocol import bodies
from handshake_prompt.protocol.bodies import Body
from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.mount import Mount
from handshake_prompt.protocol.pickup_errors import PickupNotFoundError
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.protocol.session_messages import PickupOpened
from handshake_prompt.texts.pickup_codes import read_code

from .base import Operations, read_body


class PickupOperations(Operations):
    """The operations by which a code leads an agent to a session.

    A code is its own proof. A wrong one is counted after it was looked up, by address and for all addresses together,
    so that no number of guesses keeps the right one from its session.
    """

    async def post_pickup(
        self,
        session_id: str,
        body: Body,
        credential: Credential | str | None = None,
        request: object = None,
        *,
        mount: Mount | None = None,
    ) -> Reply:
        """Give a session a code to be picked up by, in the place of any other: `POST /session/{sid}/pickup`."""
        worker = self._workers.here
        async with self._admitted(worker, Operation.PICKUP, session_id, credential, request) as admission:
            asked = await read_body(bodies.PickupRequest, body)
            await self._guard.admit_creation(Credential.of(credential))
            payload: PickupOpened = {"ok": True, "pickup": await worker.pickups.replace_pickup(admission, asked, mount)}
            return Reply(payload, quota=admission.quota)

    async def take_pickup(
        self, code: str, credential: Credential, *, key: str | None = None, mount: Mount | None = None
    ) -> tuple[str, str]:
        """Return the prompt, and its language, to the first client with a code: `GET` and `POST /pickup/{code}`.

        Args:
            code: as the client was given it, in any case and with any separators.
            credential: the client's address, and the name it gives itself.
            key: known to this client alone; with the same key it is given the same prompt again.
            mount: the place of the protocol for this client.

        Raises:
            PickupNotFoundError, TooManyAttemptsError: the code leads to no session.
            PickupTakenError: another client was first; the person is told.
            InvalidRequestError: the key is none, or there is no address for the prompt.
        """
        pickups = self._workers.here.pickups
        pickups.check_address(mount)
        exchange = await self.exchange_pickup(code, credential, key=key)
        if exchange.record.session.size > HEAVY_STATE:
            await take_slot(credential.counted_address)
        return pickups.exchange_prompt(exchange, mount), exchange.language

    async def exchange_pickup(self, code: str, credential: Credential, *, key: str | None = None) -> Exchange:
        """Give the agent's token to the first client with a code, as `take_pickup` does.

        Raises:
            PickupNotFoundError, TooManyAttemptsError, PickupTakenError, InvalidRequestError: see there.
        """
        await self._get_ready()
        if key is not None:
            check_idempotency_key(key)
        worker = self._workers.here
        try:
            return await worker.tasks.finish(
                worker.pickups.exchange_code(self._read_code(code), key, name=credential.agent_name)
            )
        except PickupNotFoundError as error:
            raise await self._guard.charge_code(credential, error) from None

    async def look_at_pickup(self, code: str, credential: Credential, *, mount: Mount | None = None) -> Preview:
        """Return the address of an open pickup and leave it open, for clients that may be a preview of its address.

        Raises:
            PickupNotFoundError, TooManyAttemptsError: the code leads to no session.
            PickupTakenError: it was exchanged.
            InvalidRequestError: there is no address for it.
        """
        await self._get_ready()
        self._workers.here.pickups.check_address(mount)
        try:
            return await self._workers.here.pickups.preview_pickup(self._read_code(code), mount)
        except PickupNotFoundError as error:
            raise await self._guard.charge_code(credential, error) from None

    @staticmethod
    def _read_code(text: str) -> str:
        code = read_code(text)
        if code is None:
            raise PickupNotFoundError
        return code
