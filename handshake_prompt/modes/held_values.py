"""Values and rows of a session as the conditions of its form read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handshake_prompt.session import Session
from handshake_prompt.session.authors import By
from handshake_prompt.session.field_value import FieldValue


class HeldValues:
    """Plain values by key; each is unpacked once."""

    def __init__(self, session: Session) -> None:
        self._held = session.values
        self._plain: dict[str, Any] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def get(self, key: str) -> Any:
        """Return a value, None if there is none."""
        if key not in self._plain:
            field = self._held.get(key)
            self._plain[key] = field.value if field is not None else None
        return self._plain[key]


class HeldRows(Mapping[str, Sequence[str]]):
    """Ids of rows by the key of their list. A session keeps no empty lists: any that it does not keep is one."""

    def __init__(self, session: Session) -> None:
        self._held = session.rows

    def __getitem__(self, key: str) -> Sequence[str]:
        return self._held.get(key, ())

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


class Unanswered:
    """The keys of values that are nobody's answer: a null that a page gave at creation."""

    def __init__(self, session: Session) -> None:
        self._held = session.values

    def __contains__(self, key: object) -> bool:
        field = self._held.get(str(key))
        return field is not None and not is_answer(field)


def is_answer(field: FieldValue) -> bool:
    """Whether somebody gave a value: an empty one of a page's at creation is nobody's."""
    return field.by != By.EMPTY
