"""The protocol engine: admission, order and publication of every change.

The path of an action, from its request to the frame of a watcher:

- `asgi.endpoints` takes the request apart and calls the operation, `operations.values`.
- `access.guard` proves the role and counts the request. Only then is the body read, by `protocol.bodies`.
- `batch` asks the host's hooks, and has the session's mode play the actions on a draft: `modes`, then `session`.
- `transactions` does so under the session's lock, and saves the draft together with its events: `stores`.
- `delivery.hub` encodes each event once for each role, and offers it to the queue of every watcher.
- `delivery.watcher` spaces the frames out, for `asgi.websocket` and `asgi.sse` to send.
"""

from .engine import ProtocolEngine
from .operations.lifecycle import Statistics

__all__ = ["ProtocolEngine", "Statistics"]
