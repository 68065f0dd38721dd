"""Forms from a list of fields written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from handshake_prompt.forms.json_schema import Conversion
from handshake_prompt.forms.shape import Entry

from .base import Verdict


class FieldList:
    """Fields as a page would send them, with their own rules and no others. The typed value is the document.

    Raises:
        ValueError: an entry is no object with a key; the message says which.
    """

    has_rules = False
    is_native = True

    def __init__(self, fields: Sequence[Entry]) -> None:
        _check_keys(fields, "fields")
        self.conversion = Conversion(
            deepcopy([*fields]), rules={}, lookups={}, is_wrapped=False, unresolved=frozenset()
        )

    def judge(self, document: Any) -> Verdict:
        """Return the document."""
        return Verdict(document)


def _check_keys(fields: Any, place: str) -> None:
    if not isinstance(fields, Sequence) or isinstance(fields, str | bytes):
        raise ValueError(f"{place} has to be a list of fields")  # noqa: TRY004 - as any schema that cannot be honoured
    for index, entry in enumerate(fields):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("key"), str) or not entry["key"]:
            raise ValueError(f"{place}[{index}] has to be an object with a key, such as {{'key': 'name'}}")
        if "fields" in entry:
            _check_keys(entry["fields"], f"{place}[{index}].fields")
