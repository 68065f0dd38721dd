"""Forms as files: a JSON Schema or fields, what is accepted, refused and missing; and an agent that fills them in."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handshake_prompt.forms.keys import escaped, joined, names
from tests.support.peer import Peer

OWN = Path(__file__).parents[1] / "data/forms"
GONE = object()
"""In the place of a member that is left out."""


def form_files() -> Iterator[dict[str, Any]]:
    """Yield the forms in `tests/data/forms`, and those in the folder that the variable `HPP_FORMS` names."""
    others = os.environ.get("HPP_FORMS")
    for folder in (OWN, Path(others)) if others else (OWN,):
        for path in sorted(folder.glob("*.json")):
            yield json.loads(path.read_text("utf-8"))


def put(document: Any, pointer: str, value: Any) -> Any:
    """Return a document with a value in the place of another; a member or a row that is not there yet is added."""
    document = copy.deepcopy(document)
    *path, last = (int(name) if name.isdecimal() else name for name in names(pointer[1:]))
    inner = document
    for step in path:
        inner = inner.setdefault(step, {}) if isinstance(inner, dict) else inner[step]
    if value is GONE:
        del inner[last]
    elif isinstance(inner, list) and last == len(inner):
        inner.append(value)
    else:
        inner[last] = value
    return document


@dataclass
class Filling:
    """An agent's work on a form: it knows the schema and the rows, and nothing else."""

    peer: Peer
    schema: list[dict[str, Any]] = field(default_factory=list)

    async def fill(self, document: dict[str, Any]) -> dict[str, Any]:
        """Write a document field by field; return the reply."""
        self.schema = (await self.peer.context())["schema"]
        return await self.peer.act({entry["key"]: value for entry, value in self._values(document)})

    async def write(self, document: dict[str, Any], pointer: str) -> dict[str, Any]:
        """Write what a document has at a place; return the reply."""
        context = await self.peer.context()
        steps = names(pointer[1:])
        for count in range(len(steps), 0, -1):
            key, is_new = self._key(steps[:count], context.get("rows", {}))
            value = _at(document, steps[:count])
            if is_new:
                actions = [{"type": "add", "key": key, "value": value}]
                added: dict[str, Any] = (await self.peer.agent("POST", "action", {"actions": actions})).json()
                return added
            if self._is_field(key, context.get("rows", {})):
                return await self.peer.act({key: value})
        return await self.peer.act({pointer[1:]: _at(document, steps)})

    def pointers(self, keys: list[str], rows: dict[str, list[str]]) -> list[str]:
        """Return the places in the document of some keys."""
        return [_pointer(key, rows) for key in keys]

    def _values(self, document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
        rest = copy.deepcopy(document)
        for entry in self.schema:
            path = names(entry["key"])
            if entry.get("virtual") or entry.get("rest"):
                continue
            value = _at(document, path, GONE)
            if value is not GONE:
                _remove(rest, path)
                yield entry, value
        yield from ((entry, rest) for entry in self.schema if entry.get("rest") and rest)

    def _key(self, steps: tuple[str, ...], rows: dict[str, list[str]]) -> tuple[str, bool]:
        """Return the key of a place, with row ids for indexes; and whether it is a row that is still to be added."""
        key = ""
        for step in steps:
            if key in rows and step.isdecimal():
                if int(step) == len(rows[key]):
                    return key, True
                key = joined(key, rows[key][int(step)])
            else:
                key = joined(key, escaped(step))
        return key, False

    def _is_field(self, key: str, rows: dict[str, list[str]]) -> bool:
        entries, left = self.schema, key
        while True:
            if any(entry["key"] == left for entry in entries):
                return True
            inner = next((one for one in entries if one.get("fields") and left.startswith(f"{one['key']}/")), None)
            if inner is None:
                return False
            left = left.removeprefix(f"{inner['key']}/").partition("/")[2]
            entries = inner["fields"]


def _at(document: Any, path: tuple[str, ...], default: Any = None) -> Any:
    for step in path:
        if isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            return default
    return document


def _remove(document: dict[str, Any], path: tuple[str, ...]) -> None:
    *outer, last = path
    inner = _at(document, tuple(outer))
    if isinstance(inner, dict):
        inner.pop(last, None)
        if not inner and outer:
            _remove(document, tuple(outer))


def _pointer(key: str, rows: dict[str, list[str]]) -> str:
    steps: list[str] = []
    walked = ""
    for segment in key.split("/"):
        steps.append(str(rows[walked].index(segment)) if walked in rows else segment)
        walked = joined(walked, segment)
    return "/" + "/".join(steps)
