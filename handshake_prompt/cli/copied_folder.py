"""Folder of copied files, brought up to date from time to time without a loss of the project's own files.

A manifest in the folder has the digest of each file as it was copied. A file of that digest is ours and may be
replaced; one of another is the project's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path, PurePosixPath

import msgspec

MANIFEST = ".handshake-prompt.json"


class State(StrEnum):
    """Outcome of a copy for one file, in the order of a report."""

    ADDED = "added"
    UPDATED = "updated"
    REMOVED = "removed"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    """It is copied no more, and the project has changed it since it was."""
    FOREIGN = "foreign"
    """It is in the way, and not as it was copied: with one such file nothing is done."""


class Manifest(msgspec.Struct):
    """The last copy: a digest by path."""

    version: str
    files: dict[str, str]


@dataclass(frozen=True)
class CopiedFolder:
    """One folder of copied files.

    Args:
        path: of the folder, which need not exist.
        files: the contents by path within the folder.
        version: of these files.
    """

    path: Path
    files: Mapping[str, bytes]
    version: str

    def update(self) -> dict[str, State]:
        """Bring the folder up to date, unless a foreign file is in the way; return the outcome of each file.

        Raises:
            OSError: the folder cannot be read or written.
        """
        states = self._compare()
        if State.FOREIGN in states.values():
            return states
        for path, state in states.items():
            if state in (State.ADDED, State.UPDATED):
                self._write(path, self.files[path])
            elif state is State.REMOVED:
                (self.path / path).unlink()
        self._write(MANIFEST, self._manifest())
        return states

    def _compare(self) -> dict[str, State]:
        copied = self._copied()
        return {path: self._state(path, copied.get(path)) for path in {**self.files, **copied}}

    def _state(self, path: str, copied: str | None) -> State:
        place, wanted = self.path / path, self.files.get(path)
        if not (place.exists() or place.is_symlink()):
            return State.KEPT if wanted is None else self._state_of_new(place)
        present = place.read_bytes() if place.is_file() else None
        if present is not None and present == wanted:
            return State.UNCHANGED
        is_ours = present is not None and digest(present) == copied and not place.is_symlink()
        if wanted is None:
            return State.REMOVED if is_ours else State.KEPT
        return State.UPDATED if is_ours else State.FOREIGN

    def _state_of_new(self, place: Path) -> State:
        around = next(folder for folder in place.parents if folder.exists())
        return State.ADDED if around.is_dir() else State.FOREIGN

    def _copied(self) -> dict[str, str]:
        """Return the digests of the last copy. A manifest that cannot be read makes every other file foreign."""
        try:
            manifest = msgspec.json.decode((self.path / MANIFEST).read_bytes(), type=Manifest)
        except (FileNotFoundError, msgspec.DecodeError):
            return {}
        return {path: known for path, known in manifest.files.items() if _is_within(path)}

    def _write(self, path: str, content: bytes) -> None:
        place = self.path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def _manifest(self) -> bytes:
        files = {path: digest(content) for path, content in self.files.items()}
        return msgspec.json.format(msgspec.json.encode(Manifest(self.version, files))) + b"\n"


def digest(content: bytes) -> str:
    """Return a file's digest, as a manifest has it."""
    return sha256(content).hexdigest()


def _is_within(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and parts[0] != "/" and ".." not in parts and not set(path) & {"\\", ":", "\0"}
