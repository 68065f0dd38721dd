"""Forms from a list of fields written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handshake_prompt.forms.json_schema import Conversion
from handshake_prompt.forms.shape import Entry

from .base import Verdict


class FieldList:
    """Fields as a page would send them. The typed value is the document; its faults are a validator's to find."""

    def __init__(self, fields: Sequence[Entry]) -> None:
        self.conversion = Conversion(list(fields), rules={}, lookups={}, is_wrapped=False, unresolved=frozenset())

    def judge(self, document: Any) -> Verdict:
        """Return the document."""
        return Verdict(document)
