"""Judge of a log with rows: a sequential model that owns documents, locks and places, and no code of the package.

The log is replayed from a context's rows and values. Written values have to name the cell they are meant for
(`named`), so that one that ends in another row gives itself away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.support.folding import fold_rows
from tests.support.ownership import EDITED, LOCKED

Members = Mapping[str, Any]


def named(key: str, mark: object) -> str:
    """Return a value that says which cell it is for; `mark` makes it unique."""
    return f"{key} {mark}"


class RowHistory:
    """The rows and cells behind the events replayed so far.

    Args:
        context: a context as the person sees it, before any of the events.
    """

    def __init__(self, context: Members) -> None:
        self.rows: dict[str, list[str]] = {key: [*ids] for key, ids in context["rows"].items()}
        self.cells = {key: (record["value"], record["by"], record["rev"]) for key, record in context["context"].items()}
        self.theirs: set[str] = set()
        """Keys of the rows that the person has added and not released."""
        self.seen = {row for ids in self.rows.values() for row in ids}
        self.violations: list[str] = []

    def replay(self, frames: Iterable[Members]) -> RowHistory:
        """Take the frames of logged events as they are shown to the person; note what may not be."""
        for frame in frames:
            if frame["type"] in ("action", "edit"):
                self._write(frame)
            elif frame["type"].startswith("row"):
                self._change(frame)
        return self

    def compare(self, context: Members) -> RowHistory:
        """Note where a context is another than the events have led to."""
        held = {key: (record["value"], record["by"], record["rev"]) for key, record in context["context"].items()}
        if context["rows"] != self.rows:
            self.violations.append(f"the log leads to rows {self.rows}, the context has {context['rows']}")
        for key in held.keys() | self.cells.keys():
            if held.get(key) != self.cells.get(key):
                self.violations.append(f"{key}: log {self.cells.get(key)}, context {held.get(key)}")
        return self

    def is_locked(self, row_key: str) -> bool:
        """Whether a part of a row is the person's."""
        inside = f"{row_key}/"
        theirs = any(key == row_key or key.startswith(inside) for key in self.theirs)
        return theirs or any(by in LOCKED for key, (_, by, _) in self.cells.items() if key.startswith(inside))

    def _write(self, frame: Members) -> None:
        key, value, by = frame["key"], frame["value"], frame["by"]
        _, before, _ = self.cells.get(key, (None, "empty", 0))
        if isinstance(value, str) and by != "default" and not value.startswith(named(key, "")):
            self._note("a write ended in another cell", frame)
        if any(row not in self._keys() for row in _rows_around(key)):
            self._note("a write to a row that is not there", frame)
        if frame["type"] == "action" and before in LOCKED:
            self._note("an agent's write over the person's", frame)
        if by not in {"action": {"ai", "default"}, "edit": {EDITED[before], "default"}}[frame["type"]]:
            self._note("a wrong author", frame)
        self.cells[key] = (value, by, frame["seq"])

    def _change(self, frame: Members) -> None:
        kind, key = frame["type"], frame["key"]
        if kind == "rowAdded":
            if frame["row"] in self.seen:
                self._note("an id was used again", frame)
            self.seen.add(frame["row"])
            self.theirs |= {key} if frame["by"] == "user" else set()
        elif frame["by"] == "ai" and self.is_locked(key):
            self._note("an agent's change of a row of which a part is the person's", frame)
        self.rows = fold_rows(self.rows, [frame])
        if kind == "rowRemoved":
            inside = f"{key}/"
            self.cells = {cell: held for cell, held in self.cells.items() if not cell.startswith(inside)}
            self.theirs = {row for row in self.theirs if row != key and not row.startswith(inside)}
        elif kind == "rowReleased":
            self.theirs.discard(key)

    def _keys(self) -> set[str]:
        return {f"{listed}/{row}" for listed, ids in self.rows.items() for row in ids}

    def _note(self, what: str, frame: Members) -> None:
        self.violations.append(f"{what}: {frame}")


def _rows_around(key: str) -> Iterator[str]:
    """Yield the keys of the rows that a cell stands in, of lists without a slash in their names."""
    segments: Sequence[str] = key.split("/")
    for length in range(2, len(segments), 2):
        yield "/".join(segments[:length])
