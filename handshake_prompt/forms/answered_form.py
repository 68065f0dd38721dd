"""Form that an agent's answer is about: labels resolved to keys, texts to values, and all of it to actions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from handshake_prompt.texts.answers.answer import NOTES, Answer, Entry, Noted, UnreadableAnswerError
from handshake_prompt.texts.answers.field_names import FieldNames
from handshake_prompt.texts.answers.pasted_text import TextFaultError
from handshake_prompt.texts.answers.placed_json import placed_members
from handshake_prompt.texts.row_tables import field_entries

from .answered_rows import AnsweredRows, names_of
from .typed_text import field_of

_NOTED = NOTES | {"value"}
_JOINS = ("{}.{}", "{}_{}", "{}[{}]")
"""Of a group and a field in keys that are not of segments."""


class Resolved(NamedTuple):
    """The actions that an answer asks for, and the line of the text at which each of them stands."""

    actions: list[dict[str, Any]]
    lines: list[int]

    def members(self) -> dict[str, Any]:
        """Return the members that tell them in a reply."""
        return {"read": self.actions, "lines": self.lines}


class AnsweredForm:
    """The fields of a page by the names that an answer may call them: keys, and labels that one field alone has.

    Args:
        schema: the entries of the page's schema, if it has one.
        keys: the keys of its values.
    """

    def __init__(self, schema: object, keys: Iterable[str] = ()) -> None:
        self._schema = schema
        fields = field_entries(schema)
        known = {*(field["key"] for field in fields), *keys}
        self.names = names_of(fields, known)
        self._rows = AnsweredRows()
        self._in_groups: dict[str, FieldNames] = {}
        self._groups = FieldNames(
            "/".join(key.split("/")[:depth]) for key in known for depth in range(1, key.count("/") + 1)
        )
        self._headings = frozenset(field["group"] for field in fields if isinstance(field.get("group"), str))

    def resolve(self, answer: Answer) -> Resolved:
        """Return the actions that an answer asks for: removals, fields, new rows, suggestions.

        Raises:
            UnreadableAnswerError: it asks for nothing, or gives two values for one field, by its key and by its label.
        """
        try:
            placed = [*self._actions(answer)]
        except TextFaultError as fault:
            raise UnreadableAnswerError(
                "The block cannot be read.", (answer.source.fault_at(fault.at, fault.msg),)
            ) from None
        if not (placed or answer.ask):
            raise UnreadableAnswerError("The answer asks for nothing", answer.faults)
        return Resolved([action for action, _ in placed], [answer.source.line_of(place) for _, place in placed])

    def _actions(self, answer: Answer) -> Iterator[tuple[dict[str, Any], int]]:
        """Yield the actions and their places.

        Raises:
            TextFaultError: a field or a column has two values.
        """
        flat = Answer()
        for one in self._flat(answer.fields, answer.place):
            flat.put_value(one.key, one.value, one.place)
        for one in answer.remove:
            yield {**one.notes, "type": "remove", "key": one.key}, one.place
        for key, value, place in placed_members(flat.fields, answer.place):
            yield {"type": "set", "key": key, **self._told(key, value, place)}, place
        for one in answer.add:
            yield self._valued("add", one), one.place
        for one in answer.suggest:
            yield self._valued("suggest", one), one.place

    def _flat(self, fields: Mapping[str, Any], place: int, group: str = "") -> Iterator[Entry]:
        """Yield keys and values, those of objects too that are groups of the form's fields."""
        for name, value, at in placed_members(fields, place):
            key = f"{group}{name}"
            found = self.names.key_of(key) or (self._names_in(group).key_of(name) if group else None)
            if found is not None or not isinstance(value, dict) or isinstance(value, Noted):
                yield Entry(found or key, value, at)
            elif (inner := self._groups.key_of(key)) is not None:
                yield from self._flat(value, at, f"{inner}/")
            else:
                yield from self._grouped(key, value, at)

    def _names_in(self, group: str) -> FieldNames:
        """Return the names of a group's fields: a label that stands in several groups names one in each."""
        if group not in self._in_groups:
            self._in_groups[group] = names_of(
                [one for one in field_entries(self._schema) if one["key"].startswith(group)]
            )
        return self._in_groups[group]

    def _grouped(self, name: str, value: dict[str, Any], place: int) -> Iterator[Entry]:
        """Yield the fields in an object that is named as their keys begin or as their heading; else the object."""
        keys = self._keys_in(name, value)
        if not keys:
            yield Entry(name, value, place)
        for key, (_, one, at) in zip(keys, placed_members(value, place), strict=False):
            yield Entry(key, one, at)

    def _keys_in(self, name: str, parts: Iterable[str]) -> list[str]:
        """Return the keys of the fields that an object's members name; none if one of them names no field."""
        under = self._names_under(name) if name in self._headings else FieldNames()
        readings = [[self.names.key_of(join.format(name, part)) for part in parts] for join in _JOINS]
        whole = [keys for keys in (*readings, [*map(under.key_of, parts)]) if None not in keys]
        return [str(key) for key in whole[0]] if whole else []

    def _names_under(self, heading: str) -> FieldNames:
        return names_of([one for one in field_entries(self._schema) if one.get("group") == heading])

    def _told(self, key: str, value: Any, place: int) -> dict[str, Any]:
        """Return the value of an action, with the agent's notes on it if they stand in an object with it."""
        field = field_of(self._schema, key)
        is_noted = isinstance(value, Noted) or (
            isinstance(value, dict) and "value" in value and field is not None and field.get("type") != "json"
        )
        if not is_noted:
            return {"value": self._rows.keyed(value, field, key, place)}
        noted = {name: part for name, part in value.items() if name != "label"}
        if not noted.keys() <= _NOTED:
            return {"value": value}
        return {**noted, "value": self._rows.keyed(noted["value"], field, key, place)}

    def _keyed(self, key: str, row: Any, place: int) -> Any:
        return self._rows.keyed(row, field_of(self._schema, key), key, place)

    def _valued(self, kind: str, one: Entry) -> dict[str, Any]:
        return {**one.notes, "type": kind, "key": one.key, "value": self._keyed(one.key, one.value, one.place)}
