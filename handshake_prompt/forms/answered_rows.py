"""Rows in an agent's answer: their columns resolved from labels to keys. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from handshake_prompt.texts.answers.field_names import FieldNames
from handshake_prompt.texts.answers.pasted_text import TextFaultError
from handshake_prompt.texts.answers.placed_json import placed_entries, placed_members
from handshake_prompt.texts.row_tables import field_entries, is_rows

from .typed_text import typed


def names_of(fields: Sequence[Mapping[str, Any]], keys: Collection[str] = ()) -> FieldNames:
    """Return the names of fields: their keys, and the labels that one of them alone has.

    Args:
        fields: their entries in a schema.
        keys: others that are known.
    """
    known = {*(field["key"] for field in fields), *keys}
    labelled = [
        (str(field["label"]).strip(), str(field["key"])) for field in fields if isinstance(field.get("label"), str)
    ]
    times = Counter(label for label, _ in labelled)
    labels = {label: key for label, key in labelled if times[label] == 1 and label not in known}
    return FieldNames(
        known, labels, [names_of(field_entries(field.get("fields"))) for field in fields if is_rows(field)]
    )


class AnsweredRows:
    """The columns of lists by their names; those of each list are collected once."""

    def __init__(self) -> None:
        self._names: dict[str, FieldNames] = {}

    def keyed(self, value: Any, field: Mapping[str, Any] | None, path: str, place: int) -> Any:
        """Return a value as its field takes it: texts of lines by its type, rows with the keys of their columns.

        Args:
            value: as it was read; rows as a list, or one of them.
            field: its entry in the schema; None if it has none.
            path: its key, for a list within a row without the ids of rows.
            place: of the value in the text.

        Raises:
            TextFaultError: a row has two values for one column.
        """
        value = typed(value, field)
        if field is None or not is_rows(field):
            return value
        if isinstance(value, list):
            return [self._row(one, field, path, at) for one, at in placed_entries(value, place)]
        return self._row(value, field, path, place)

    def _row(self, row: Any, listed: Mapping[str, Any], path: str, place: int) -> Any:
        if not isinstance(row, dict):
            return row
        columns = field_entries(listed.get("fields"))
        if path not in self._names:
            self._names[path] = names_of(columns)
        by_key = {column["key"]: column for column in columns}
        found: dict[str, Any] = {}
        for name, value, at in placed_members(row, place):
            key = self._names[path].key_or_name(name)
            if key in found:
                raise TextFaultError(f"there are two values for {key!r} in a row of {path!r}", at)
            found[key] = self.keyed(value, by_key.get(key), f"{path}/{key}", at)
        return found
