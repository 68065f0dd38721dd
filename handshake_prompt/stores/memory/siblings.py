"""Detection of a second worker of the same server that keeps sessions in its memory, at run time.

Each such process claims a name of its server in the kernel, which goes with the process: an abstract socket, on Linux.
The second one finds it taken. A process counts as a server's worker if the server has forked it, or started it by
`multiprocessing`, as uvicorn, gunicorn, hypercorn and granian do.
"""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger("handshake_prompt")

_claims: dict[int, int | None] = {}
"""Process id -> the descriptor of its claim, None if it has none; a forked process begins without."""


def warn_of_siblings() -> None:
    """Log a warning, once, if another worker of this process's server keeps sessions in its memory, too."""
    process = os.getpid()
    if process in _claims:
        return
    _claims[process] = None
    server = _server_name()
    if server is None:
        return
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(f"\0handshake-prompt/memory/{server}")
    except OSError as error:
        claim.close()
        if error.errno == errno.EADDRINUSE:
            logger.warning(
                "Another worker of this server keeps sessions in its memory, too: requests that meet this one find "
                "only the sessions it has opened itself. Run one worker, or give a store that they share: "
                "sqlite:///handshake.db on one machine, redis://host on several."
            )
    else:
        _claims[process] = claim.detach()  # held open until the process ends


def _server_name() -> str | None:
    """Return a name of the server that this process is a worker of; None if it is none, or cannot tell."""
    if sys.platform != "linux":
        return None
    parent = os.getppid()
    with suppress(OSError, IndexError):  # the parent has ended, or /proc is closed
        if multiprocessing.parent_process() is None and _command_line(parent) != _command_line(os.getpid()):
            return None
        started = Path(f"/proc/{parent}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
        return f"{os.getuid()}/{parent}/{started}"
    return None


def _command_line(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()
