"""Folding of a log's row events over the rows of a context, as a page does it: a model that knows no transitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Rows = dict[str, list[str]]
"""Key of a list -> ids of its rows, in order; lists without rows are left out."""


def fold_rows(initial: Mapping[str, Sequence[str]], frames: Iterable[Mapping[str, Any]]) -> Rows:
    """Return the rows behind some frames."""
    rows = {key: [*ids] for key, ids in initial.items()}
    for frame in frames:
        if frame["type"] in {"rowAdded", "rowMoved", "rowRemoved"}:
            _take(rows, frame)
    return {key: ids for key, ids in rows.items() if ids}


def fold_values(initial: Mapping[str, Any], frames: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Any, str, int]]:
    """Return value, author and revision by key behind some frames; the cells of a removed row are gone."""
    values = {key: (record["value"], record["by"], record["rev"]) for key, record in initial.items()}
    for frame in frames:
        if frame["type"] in {"action", "edit"}:
            values[frame["key"]] = (frame["value"], frame["by"], frame["seq"])
        elif frame["type"] == "rowRemoved":
            values = {key: held for key, held in values.items() if not key.startswith(f"{frame['key']}/")}
    return values


def _take(rows: Rows, frame: Mapping[str, Any]) -> None:
    ids = rows.setdefault(frame["list"], [])
    assert (frame["row"] in ids) == (frame["type"] != "rowAdded"), frame
    if frame["row"] in ids:
        ids.remove(frame["row"])
    if frame["type"] == "rowRemoved":
        for key in [key for key in rows if key.startswith(f"{frame['key']}/")]:
            del rows[key]
    else:
        ids.insert(0 if frame["after"] is None else ids.index(frame["after"]) + 1, frame["row"])
