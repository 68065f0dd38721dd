"""The number of worker processes, as far as one of them can tell.

Sessions in memory are known to one process only: behind a server with several workers most requests would meet one
that has never heard of their session. Nothing in ASGI says how many there are. The servers' configuration objects do,
which are on the stack while a server loads its application; without one the command line and the environment are read.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType

from .server_command import ServerCommand

logger = logging.getLogger("handshake_prompt")

_PACKAGES = frozenset({"granian", "gunicorn", "hypercorn", "uvicorn", "uvicorn_worker"})
_HOLDERS = ("self", "config", "cfg")
"""Locals of the servers' functions, and attributes of their objects, that hold a configuration."""


def warn_of_several_workers() -> None:
    """Log a warning if more than one worker was asked for: sessions in memory do not reach the others."""
    workers = configured_workers(inspect.currentframe()) or worker_count()
    if workers > 1:
        logger.warning(
            "Sessions are kept in the memory of one process, and %d workers were asked for: most requests will "
            "meet a worker that does not know their session. Run one worker, or give a store that they share: "
            "sqlite:///handshake.db on one machine, redis://host on several.",
            workers,
        )


def configured_workers(frame: FrameType | None) -> int | None:
    """Return the number of workers in the configuration of a server on the stack, None where there is no server.

    Args:
        frame: the innermost frame to look at.
    """
    found: list[int] = []
    while frame is not None:
        found += _in_frame(frame)
        frame = frame.f_back
    return max(found, default=None)


def worker_count(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Return the number of workers that a command line or an environment asks for; 1 when neither does.

    Args:
        argv: the command line, this process's own by default.
        environ: the environment, this process's own by default.
    """
    command = ServerCommand(argv, environ)
    names = ("-W", "--wc", "--web-concurrency") if command.program == "litestar" else ("-w", "--workers")
    asked = (command.option(*names), command.variable("WEB_CONCURRENCY"))
    return next((int(number) for number in asked if number and number.isdecimal()), 1)


def _in_frame(frame: FrameType) -> Iterator[int]:
    if frame.f_globals.get("__name__", "").partition(".")[0] not in _PACKAGES:
        return
    held = [frame.f_locals.get(name) for name in _HOLDERS]
    for one in [*held, *(getattr(holder, name, None) for holder in held for name in _HOLDERS[1:])]:
        workers = getattr(one, "workers", None)
        if isinstance(workers, int):
            yield workers
