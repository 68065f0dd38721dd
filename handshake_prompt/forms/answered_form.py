"""Form that an agent's answer is about: labels resolved to keys, texts to values, and all of it to actions. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from handshake_prompt.texts.answers import Answer, Loose, UnreadableAnswerError
from handshake_prompt.texts.row_tables import entries

from .typed_text import field_of, typed_value


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
        labelled = [
            (str(field["label"]).strip(), str(field["key"])) for field in fields if isinstance(field.get("label"), str)
        ]
        times = Counter(label for label, _ in labelled)
        self._by_label: dict[str, str] = {
            label: key for label, key in labelled if times[label] == 1 and label not in known
        }
        self.names = frozenset(known | self._by_label.keys())
        self._groups = frozenset(
            "/".join(key.split("/")[:depth]) for key in known for depth in range(1, key.count("/") + 1)
        )

    def actions(self, answer: Answer) -> list[dict[str, Any]]:
        """Return the actions that an answer asks for: removals, fields, new rows, suggestions.

        Raises:
            UnreadableAnswerError: it gives two values for one field, by its key and by its label.
        """
        named = [*self._flat(answer.fields)]
        keys = [self._key(name) for name, _ in named]
        if twice := sorted(key for key, times in Counter(keys).items() if times > 1):
            raise UnreadableAnswerError(f"There are two values for {', '.join(map(repr, twice))}, by key and by label.")
        values = zip(keys, (value for _, value in named), strict=True)
        return [
            *({"type": "remove", "key": key} for key in answer.remove),
            *({"type": "set", "key": key, "value": self._value(key, value)} for key, value in values),
            *({"type": "add", "key": self._key(name), "value": value} for name, value in answer.add),
            *(self._suggestion(self._key(one.key), one.value, one.reason) for one in answer.suggest),
        ]

    def _flat(self, fields: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, Any]]:
        """Yield keys and values, those of objects too that are groups of the form's fields."""
        for name, value in fields.items():
            key = f"{group}{name}"
            if isinstance(value, dict) and key in self._groups and key not in self.names:
                yield from self._flat(value, f"{key}/")
            else:
                yield key, value

    def _key(self, name: str) -> str:
        return self._by_label.get(name, name)

    def _value(self, key: str, value: Any) -> Any:
        return typed_value(value, field_of(self._schema, key)) if isinstance(value, Loose) else value

    @staticmethod
    def _suggestion(key: str, value: Any, reason: str) -> dict[str, Any]:
        told: Mapping[str, Any] = {"reason": reason} if reason else {}
        return {"type": "suggest", "key": key, "value": value, **told}
