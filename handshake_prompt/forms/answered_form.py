"""Form that an agent's answer is about: labels resolved to keys, texts to values, and all of it to actions. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from handshake_prompt.texts.answers import Answer, Loose, UnreadableAnswerError
from handshake_prompt.texts.field_names import FieldNames
from handshake_prompt.texts.row_tables import entries

from .answered_rows import AnsweredRows, names_of
from .typed_text import field_of, typed_value

_NOTED = {"value", "source", "reason", "confidence"}
_JOINS = ("{}.{}", "{}_{}", "{}[{}]")
"""Of a group and a field in keys that are not of segments."""


class AnsweredForm:
    """The fields of a page by the names that an answer may call them: keys, and labels that one field alone has.

    Args:
        schema: the entries of the page's schema, if it has one.
        keys: the keys of its values.
    """

    def __init__(self, schema: object, keys: Iterable[str] = ()) -> None:
        self._schema = schema
        fields = entries(schema)
        known = {*(field["key"] for field in fields), *keys}
        self.names = names_of(fields, known)
        self._rows = AnsweredRows()
        self._in_groups: dict[str, FieldNames] = {}
        self._groups = FieldNames(
            "/".join(key.split("/")[:depth]) for key in known for depth in range(1, key.count("/") + 1)
        )
        self._headings = frozenset(field["group"] for field in fields if isinstance(field.get("group"), str))

    def actions(self, answer: Answer) -> list[dict[str, Any]]:
        """Return the actions that an answer asks for: removals, fields, new rows, suggestions.

        Raises:
            UnreadableAnswerError: it asks for nothing, or gives two values for one field, by its key and by its label.
        """
        values = [*self._flat(answer.fields)]
        if twice := sorted(key for key, times in Counter(key for key, _ in values).items() if times > 1):
            raise UnreadableAnswerError(f"There are two values for {', '.join(map(repr, twice))}, by key and by group.")
        actions = [
            *({"type": "remove", "key": key} for key in answer.remove),
            *({"type": "set", "key": key, **self._told(key, value)} for key, value in values),
            *({"type": "add", "key": key, "value": self._keyed(key, value)} for key, value in answer.add),
            *(self._suggestion(one.key, one.value, one.reason) for one in answer.suggest),
        ]
        if not (actions or answer.ask):
            raise UnreadableAnswerError("The answer asks for nothing", answer.faults)
        return actions

    def _flat(self, fields: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, Any]]:
        """Yield keys and values, those of objects too that are groups of the form's fields."""
        for name, value in fields.items():
            key = f"{group}{name}"
            found = self.names.key_of(key) or (self._names_in(group).key_of(name) if group else None)
            if found is not None or not isinstance(value, dict):
                yield found or key, value
            elif (inner := self._groups.key_of(key)) is not None:
                yield from self._flat(value, f"{inner}/")
            else:
                yield from self._grouped(key, value)

    def _names_in(self, group: str) -> FieldNames:
        """Return the names of a group's fields: a label that stands in several groups names one in each."""
        if group not in self._in_groups:
            self._in_groups[group] = names_of([one for one in entries(self._schema) if one["key"].startswith(group)])
        return self._in_groups[group]

    def _grouped(self, name: str, value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield the fields in an object that is named as their keys begin or as their heading; else the object."""
        for join in _JOINS:
            keys = [self.names.key_of(join.format(name, part)) for part in value]
            if value and None not in keys:
                yield from zip(map(str, keys), value.values(), strict=True)
                return
        keys = [*map(self._names_under(name).key_of, value)] if name in self._headings else []
        if keys and None not in keys:
            yield from zip(map(str, keys), value.values(), strict=True)
        else:
            yield name, value

    def _names_under(self, heading: str) -> FieldNames:
        return names_of([one for one in entries(self._schema) if one.get("group") == heading])

    def _told(self, key: str, value: Any) -> dict[str, Any]:
        """Return the value of an action, with the agent's notes on it if they stand in an object with it."""
        field = field_of(self._schema, key)
        if isinstance(value, Loose):
            return {"value": self._rows.keyed(typed_value(value, field), field, key)}
        if field is None or field.get("type") == "json" or not isinstance(value, dict) or "value" not in value:
            return {"value": self._rows.keyed(value, field, key)}
        noted = {name: part for name, part in value.items() if name != "label"}
        if not noted.keys() <= _NOTED:
            return {"value": value}
        return {**noted, "value": self._rows.keyed(noted["value"], field, key)}

    def _keyed(self, key: str, row: Any) -> Any:
        return self._rows.keyed(row, field_of(self._schema, key), key)

    @staticmethod
    def _suggestion(key: str, value: Any, reason: str) -> dict[str, Any]:
        told: Mapping[str, Any] = {"reason": reason} if reason else {}
        return {"type": "suggest", "key": key, "value": value, **told}
