"""The command line and the environment of the server that the application runs under."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import PurePath

SERVERS = frozenset({"daphne", "fastapi", "granian", "gunicorn", "hypercorn", "litestar", "uvicorn"})
"""Commands that serve ASGI applications, as scripts and as `python -m` modules."""
WITH_VARIABLES = frozenset({"granian", "litestar", "uvicorn"})
"""Servers that read each option from a variable of its name too, such as `UVICORN_WORKERS`."""


class ServerCommand:
    """A server's settings as they were asked for.

    Args:
        argv: the command line, this process's own by default. Servers hand theirs on to their workers.
        environ: the environment, this process's own by default.
    """

    def __init__(self, argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> None:
        argv = sys.argv if argv is None else argv
        self._environ = os.environ if environ is None else environ
        path = PurePath(argv[0] if argv else "")
        self.program = min(SERVERS & {path.stem, path.parent.name}, default="")
        """The server's name; empty if it is none of `SERVERS`."""
        self._arguments = list(argv[1:]) if self.program else []
        if self.program == "gunicorn":  # which lets the command line override its variable
            self._arguments[:0] = self._given("GUNICORN_CMD_ARGS").split()

    def option(self, *names: str) -> str | None:
        """Return the value of an option, written in any of the usual ways: `-w 4`, `-w4`, `--workers=4`.

        The last one counts. An option that was not given may stand in a variable of the server's own.
        """
        found = None
        for argument, following in pairwise([*self._arguments, ""]):
            for name in names:
                if argument == name:
                    found = following
                elif argument.startswith(name + "=" if name.startswith("--") else name):
                    found = argument.removeprefix(name).removeprefix("=")
        return found or self._variable(names) or None

    def variable(self, name: str) -> str | None:
        """Return a variable of the environment, None if it is empty or not there."""
        return self._given(name) or None

    def _variable(self, names: Sequence[str]) -> str:
        """Return an option's value from the server's own variable for it."""
        if self.program not in WITH_VARIABLES:
            return ""
        options = [name[2:].replace("-", "_") for name in names if name.startswith("--")]
        return next(filter(None, (self._given(f"{self.program}_{option}".upper()) for option in options)), "")

    def _given(self, name: str) -> str:
        return self._environ.get(name, "").strip()
