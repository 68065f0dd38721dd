"""Check of a form's values by the rules of its fields: the whole verdict where no model stands behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from handshake_prompt.protocol.limits import Limits

from .budget import Budget
from .documents import RowIds, Values
from .problems import Problem
from .schema import compile_schema
from .schema_errors import REQUIRED
from .shape import Entry, Group, lists_of, without_rows
from .status import Status

LIMITS = Limits(fields=10_000)
"""Of fields that the host has written; those of its engine hold, too."""


class CellCheck:
    """The rules of fields.

    Raises:
        InvalidSchemaError: the fields cannot be honoured.
    """

    def __init__(self, fields: Sequence[Entry], shape: Group) -> None:
        self._fields = compile_schema(list(fields), LIMITS)
        self._most = {key: listed.entry.get("maxRows") for key, listed in lists_of(shape)}
        costly = (field.has_pattern or field.embedded is not None for field in self._fields.values())
        self.is_quick = not any(costly)
        """Whether no value takes long."""

    def problems(self, values: Values, rows: RowIds, status: Status) -> Iterator[Problem]:
        """Yield the faults of values, and the missing fields."""
        missing = {*status.missing, *status.missing_person}
        yield from (Problem((key,), REQUIRED, is_lack=True) for key in missing)
        budget = Budget()
        for key, value in values.items():
            field = self._fields.get(without_rows(key, self._most))
            if field is None or key in missing or key in status.hidden:
                continue
            if fault := field.check(value, budget):
                yield Problem((key,), fault)
        for key, ids in rows.items():
            most = self._most.get(without_rows(key, self._most))
            if most is not None and len(ids) > most and key not in status.hidden:
                yield Problem((key,), f"expected at most {most} rows, got {len(ids)}")
