"""Fields of a form, and the check of their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .budget import Budget
from .constraints import Check, Constraints
from .description import Description
from .embedded import EmbeddedSchema
from .field_types import identity
from .options import Options
from .patterns import MATCH_STEPS, Pattern


class Unchecked(NamedTuple):
    """A member that values are not checked with, and why."""

    member: str
    msg: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form; `options` is empty where any value will do.

    Null clears an optional field, and is refused by a required one that is not nullable. The same goes for `""` where a
    type is written as text, and for `[]` in a list: an optional field takes them in spite of its constraints.
    """

    key: str
    """Without the ids of rows: `lines/amount`."""
    type: str | tuple[str, ...]
    required: bool
    sensitive: bool
    read_only: bool
    computed: bool
    """Whether the page may write it although it is read-only."""
    nullable: bool
    """Whether null is a value."""
    blank: bool
    """Whether an empty text or list is a value, and so an answer where the field is required."""
    by_person: bool
    """Whether it is the person's alone."""
    is_guarded: bool
    """Whether it is closed to a role."""
    is_open: bool
    """Whether other text than the options is taken."""
    multiple: bool
    is_rows: bool
    """Whether this is a list of rows, with cells of its own."""
    choices: Options
    constraints: Constraints
    embedded: EmbeddedSchema | None
    """The check of a value of type `json`."""
    unchecked: Unchecked | None
    """A member of the entry that values are not checked with here."""
    plain: Any = field(repr=False)
    """The JSON type the field accepts entirely, if there is one."""
    _description: Description = field(repr=False, compare=False)
    _pattern: Pattern | None = field(repr=False, compare=False)
    _empty: Any = field(repr=False, compare=False)
    _whole: tuple[Check, ...] = field(repr=False, compare=False)
    _each: tuple[Check, ...] = field(repr=False, compare=False)
    _accepts: Callable[[Any], bool] | None = field(repr=False, compare=False)
    """The test behind the first check of each entry, if that is the built-in one of the type."""

    @property
    def accepts(self) -> str:
        """A noun phrase for the values of the field."""
        return self._description.text

    @property
    def options(self) -> tuple[Any, ...]:
        """The values to choose from."""
        return self.choices.values

    def check(self, value: Any, budget: Budget | None = None) -> str | None:
        """Return the fault of a value; whether the field may be written at all is decided elsewhere.

        Args:
            value: any JSON value.
            budget: of the batch that it is in.

        Returns:
            None for an accepted value, else a sentence that names the accepted ones and never repeats the value.

        Raises:
            TooLargeError: the budget is spent.
        """
        if value is None and self.nullable:
            return None
        if not self.required and (value is None or value == self._empty):
            return None
        got = "null" if value is None else self._fault(value, budget)
        return None if got is None else f"expected {self.accepts}, got {got}"

    @property
    def has_pattern(self) -> bool:
        """Whether values are matched with a pattern."""
        return self._pattern is not None

    def cost(self, value: Any) -> int:
        """Return the worst-case steps of matching a value with the field's pattern.

        More than `MATCH_STEPS` are never taken: `check` refuses such a value unmatched.
        """
        return sum(map(self._pattern.cost, self._entries(value))) if self._pattern is not None else 0

    def nearest(self, value: Any) -> str | None:
        """Return the option that a value, or the first wrong entry of a list, is most like; None if there is none."""
        allowed = set(map(identity, self.options))
        entries = value if isinstance(value, list) else [value]
        wrong = (entry for entry in entries if isinstance(entry, str) and identity(entry) not in allowed)
        return self.choices.nearest(next(wrong, None))

    def _fault(self, value: Any, budget: Budget | None) -> str | None:
        if self.embedded is not None:
            return self.embedded.check(value, budget)
        for check in self._whole:
            if got := check(value):
                return got
        if self.cost(value) > MATCH_STEPS:
            return "text that is too long for such a pattern"
        entries = self._entries(value)
        # A list of thousands is tested as a whole first: only one with a wrong entry has to be told which.
        checks = self._each[1:] if self._accepts is not None and all(map(self._accepts, entries)) else self._each
        for place, entry in enumerate(entries if checks else (), 1):
            for check in checks:
                if got := check(entry):
                    return f"{got} as entry {place}" if self._description.many else got
        return None

    def _entries(self, value: Any) -> Iterable[Any]:
        return value if self._description.many and type(value) is list else (value,)
