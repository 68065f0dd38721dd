"""An environment of its own for peers: one of them has the import name of this package.

It is made once, with `venv` and `pip`, in a folder of the user's cache, from pinned versions. What serves the peers
(uvicorn and all below it) is pinned to the versions that serve us.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .results import Missing

PEERS = (
    "handshake-prompt==0.2.0",
    "flask==3.1.3",
    "flask-sock==0.7.0",
    "gunicorn==27.0.1",
    "python-socketio==5.18.1",
    "mcp==2.3.0",
)
SHARED = ("uvicorn", "starlette", "anyio", "h11", "websockets", "uvloop", "httptools")
INSTALL_SECONDS = 600


def requirements() -> list[str]:
    """Return what the environment is to hold: the peers, and our own versions of what serves them."""
    return [*PEERS, *(f"{name}=={found}" for name in SHARED if (found := _installed(name)))]


def cache_folder() -> Path:
    """Return where environments are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "handshake-prompt" / "benchmarks"


class Peers:
    """The peers' interpreter, made when it is first asked for.

    Args:
        progress: told what takes long.
        folder: where environments are kept.
    """

    def __init__(self, progress: Callable[[str], None], folder: Path | None = None) -> None:
        self._progress = progress
        self._folder = folder or cache_folder()
        self._python: str | Missing | None = None

    @property
    def python(self) -> str | Missing:
        """The path of the interpreter, or why there is none."""
        if self._python is None:
            self._python = self._made()
        return self._python

    def _made(self) -> str | Missing:
        wanted = requirements()
        key = hashlib.sha256("\n".join([sys.version, *wanted]).encode()).hexdigest()[:12]
        home = self._folder / f"peers-{key}"
        python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        complete = home / "complete"
        if complete.exists():
            return str(python)
        self._progress(f"installing the peers into {home}, once")
        try:
            venv.create(home, clear=True, with_pip=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
            subprocess.run(install, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)  # noqa: S603
        except subprocess.CalledProcessError as error:
            return Missing(f"pip could not install the peers: {_last_line(error.stderr)}")
        except (OSError, subprocess.TimeoutExpired) as error:
            return Missing(f"the peers' environment could not be made: {error}")
        complete.touch()
        return str(python)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _last_line(text: str | bytes | None) -> str:
    lines = (text.decode(errors="replace") if isinstance(text, bytes) else text or "").strip().splitlines()
    return lines[-1] if lines else "it did not say why"
