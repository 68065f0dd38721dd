"""Changes of a schema: entries set and removed by key, and the whole schema that comes of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from handshake_prompt.protocol.errors import InvalidSchemaError

_PLACE = re.compile(r"schema\[(\d+)\]")


def changed_schema(schema: Sequence[Any], entries: Sequence[Any], removed: Sequence[str]) -> list[Any]:
    """Return a schema with entries replaced by key, added at its end, or left out.

    Raises:
        InvalidSchemaError: an entry has no key or comes twice, or no field is left, and so every key would be taken.
    """
    new: dict[str, Any] = {}
    for index, entry in enumerate(entries):
        key = entry.get("key") if isinstance(entry, dict) else None
        if not isinstance(key, str):
            raise InvalidSchemaError(f"set[{index}]: an entry must be an object with a key")
        if key in new or key in removed:
            raise InvalidSchemaError(f"set[{index}]: each key may be set or removed once")
        new[key] = entry
    gone = set(removed)
    kept = [new.pop(entry["key"], entry) for entry in schema if entry["key"] not in gone]
    changed = [*kept, *new.values()]
    if not changed:
        raise InvalidSchemaError("the change leaves no field: set the new ones in the same change")
    return changed


def in_words_of_the_change(error: InvalidSchemaError, schema: Sequence[Any], entries: Sequence[Any]) -> str:
    """Return the fault of a changed schema with the entry named by its place in the change, if it stands there."""
    found = _PLACE.match(error.detail)
    if found is None:
        return error.detail
    entry = schema[int(found[1])]
    places = [index for index, sent in enumerate(entries) if sent is entry]
    return _PLACE.sub(f"set[{places[0]}]" if places else f"the field {entry['key']}", error.detail, count=1)
