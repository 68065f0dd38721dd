"""Paste-back: `POST /paste`. SPEC.md section 4."""

from __future__ import annotations

from handshake_prompt.engine.access.fair_queue import HEAVY_BODY, take_slot
from handshake_prompt.engine.access.guard import Operation
from handshake_prompt.protocol import bodies
from handshake_prompt.protocol.bodies import Body
from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.replies import Reply

from .base import Operations, read_body


class PasteOperations(Operations):
    """The operation by which a person carries an agent's answer to the page."""

    async def post_paste(
        self, session_id: str, body: Body, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Preview or apply an agent's answer that the person has pasted: `POST /paste/{sid}`.

        A refused action is an entry in the reply, not an error. An answer has one effect, however often it is pasted.
        """
        worker = self._workers.here
        async with self._admitted(worker, Operation.PASTE, session_id, credential, request) as admission:
            asked = await read_body(bodies.PasteRequest, body)
            if len(asked.text) > HEAVY_BODY:
                await take_slot(Credential.of(credential).counted_address)
            payload, replayed = await worker.tasks.finish(worker.pasting.paste(admission, asked))
            return Reply(payload, quota=admission.quota, replayed=replayed)
