"""The number of worker processes, as far as one of them can tell.

Sessions in memory are known to one process only: behind a server with several workers most requests would meet one
that has never heard of their session. Nothing in ASGI says how many there are, so the server's command line and the
variable that hosting platforms set are read.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath

logger = logging.getLogger("handshake_prompt")

SERVERS = frozenset({"daphne", "fastapi", "granian", "gunicorn", "hypercorn", "uvicorn"})
"""Commands whose `--workers` is known to mean processes."""


def warn_of_several_workers() -> None:
    """Log a warning if more than one worker was asked for: sessions in memory do not reach the others."""
    if (workers := worker_count()) > 1:
        logger.warning(
            "Sessions are kept in the memory of one process, and %d workers were asked for: most requests will "
            "meet a worker that does not know their session. Run one worker, or give a store that they share: "
            "sqlite:///handshake.db on one machine, redis://host on several.",
            workers,
        )


def worker_count(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Return the number of workers that were asked for; 1 when nothing says otherwise.

    Args:
        argv: the command line, this process's own by default. Servers hand theirs on to their workers.
        environ: the environment, this process's own by default.
    """
    argv = sys.argv if argv is None else argv
    environ = os.environ if environ is None else environ
    asked = [environ.get("WEB_CONCURRENCY", "")]
    program = PurePath(argv[0] if argv else "")
    if SERVERS & {program.stem, program.parent.name}:
        asked += [after for option, after in zip(argv, [*argv[1:], ""], strict=True) if option in ("-w", "--workers")]
        asked += [option.partition("=")[2] for option in argv if option.startswith(("--workers=", "-w="))]
    return max((int(number) for number in asked if number.isdecimal()), default=1)
