"""The WebSocket: a watcher's frames out, a page's frames in. SPEC.md section 7.

A refusal is an accept followed by a close with its code, since a browser hides the reason of a failed handshake. One
task reads, one writes. Each send has a deadline: a peer that cannot be reached costs nobody else anything.
"""

from __future__ import annotations

import asyncio
import logging

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.engine.delivery.watcher import Watcher
from handshake_prompt.protocol import messages
from handshake_prompt.protocol.errors import CloseCode, HandshakeError, NotFoundError

from .credential_reader import CredentialReader
from .deadlines import within
from .incidents import incident
from .requests import is_hidden
from .server_stop import PARTING, ServerStop

logger = logging.getLogger("handshake_prompt")

SUBPROTOCOL = "hpp.v1"


class WatchSocket:
    """The endpoint `WS /ws/{sid}`, as an ASGI application."""

    def __init__(self, engine: ProtocolEngine, credential_of: CredentialReader, stop: ServerStop) -> None:
        self._engine = engine
        self._credential_of = credential_of
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        session_id = scope["path_params"]["sid"]
        await _accept(websocket)
        try:
            watcher = await self._engine.watch(
                session_id,
                self._credential_of(websocket, session_id),
                websocket,
                after=websocket.query_params.get("after"),
                hidden=is_hidden(websocket),
            )
        except HandshakeError as error:
            await self._refuse(websocket, error)
            return
        except Exception:  # noqa: BLE001 - the boundary to the host's code: modes and stores
            await self._refuse(websocket, incident("Session %s could not be opened to a watcher", session_id))
            return
        async with watcher:
            with self._stop.noticed():
                await self._run(websocket, send, watcher)

    async def _run(self, websocket: WebSocket, send: Send, watcher: Watcher) -> None:
        reader = asyncio.create_task(_read(websocket, watcher))
        writer = asyncio.create_task(self._write(send, watcher))  # woken for each frame, so not below all of the layers
        try:
            await asyncio.wait({writer})
        except asyncio.CancelledError:  # by a server whose grace is over: the page is sent elsewhere first
            watcher.drain()
            await asyncio.wait({writer}, timeout=PARTING)
            raise
        finally:
            await self._end(websocket, watcher, reader, writer)

    async def _end(
        self, websocket: WebSocket, watcher: Watcher, reader: asyncio.Task[None], writer: asyncio.Task[None]
    ) -> None:
        """Stop both tasks, then close: granian carries no close out while a task waits to receive."""
        reader.cancel()
        writer.cancel()
        await asyncio.wait({reader, writer})
        try:
            if not writer.cancelled():
                writer.result()
            async with asyncio.timeout(self._engine.limits.send_timeout):
                await _close(websocket, watcher.close_code)
        except (TimeoutError, OSError, WebSocketDisconnect):
            logger.debug("A watcher of %s could not be reached", watcher.session_id)
        except Exception:  # noqa: BLE001 - the boundary to stores
            await self._refuse(websocket, incident("A watcher of session %s failed", watcher.session_id))

    async def _write(self, send: Send, watcher: Watcher) -> None:
        seconds = self._engine.limits.send_timeout
        while (frame := watcher.ready_frame() or await watcher.next_frame()) is not None:
            await within(seconds, send({"type": "websocket.send", "text": frame.text}))

    async def _refuse(self, websocket: WebSocket, error: HandshakeError) -> None:
        steps = {"nextSteps": error.next_steps} if error.next_steps else {}
        text = messages.encode({"type": "error", "msg": error.detail, "code": error.code, **steps}).decode()
        try:
            async with asyncio.timeout(self._engine.limits.send_timeout):
                await websocket.send({"type": "websocket.send", "text": text})
                await _close(websocket, error.close_code, error.code)
        except (TimeoutError, OSError, WebSocketDisconnect):
            logger.debug("A refused watcher was gone before it could be told")


async def unknown_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a WebSocket at a path that is none of ours."""
    websocket = WebSocket(scope, receive, send)
    await _accept(websocket)
    await _close(websocket, NotFoundError.close_code, NotFoundError.code)


async def _accept(websocket: WebSocket) -> None:
    offered = websocket.scope.get("subprotocols", ())
    await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)


async def _close(websocket: WebSocket, code: CloseCode, reason: str | None = None) -> None:
    if code is CloseCode.UNSUPPORTED_DATA and "spec_version" not in websocket.scope["asgi"]:
        code = CloseCode.BINARY  # daphne, which names no version, takes none of the codes from 1001 to 2999
    await websocket.send({"type": "websocket.close", "code": int(code), "reason": reason or code.name.lower()})


async def _read(websocket: WebSocket, watcher: Watcher) -> None:
    """Hand the page's frames to its watcher until either side ends."""
    try:
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            text = message.get("text")
            await watcher.receive(message.get("bytes") if text is None else text)
        watcher.abandon()
    except Exception:  # noqa: BLE001 - the boundary to the host's code: modes and stores
        watcher.close(incident("A message to session %s failed", watcher.session_id).close_code)
