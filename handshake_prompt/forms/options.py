"""Options of a field: the values to choose from, the one that a label means, and the nearest one to another text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from handshake_prompt.protocol.errors import InvalidSchemaError

from .conditions import Condition, Names, compile_condition
from .field_types import identity, is_scalar, shown

_COMPARED = 250
"""Texts of options that a text is compared with to find the nearest: a hundred of them take 20 µs."""
_CHARS = 24
"""Of a text or an option that are compared."""
_BITS = 256
"""Of a set of pairs of letters."""


@dataclass(frozen=True)
class Options:
    """The options of a field, each value once; `labels` has None for an option without."""

    values: tuple[Any, ...] = ()
    labels: tuple[Any, ...] = ()
    conditions: Mapping[Any, Condition] = field(default_factory=dict, compare=False)
    """The condition under which an option is there, by the identity of its value."""
    alone: frozenset[Any] = frozenset()
    """The identities of options that no other entry of a list stands beside."""

    def absent(self, value: Any, names: Names) -> Any:
        """Return the first entry of a list, or a value alone, that the form's values do not let be chosen; else None.

        Args:
            value: of options.
            names: the form's values, as the field sees them.
        """
        for one in value if isinstance(value, list) else (value,):
            condition = self.conditions.get(identity(one)) if is_scalar(one) else None
            if condition is not None and not condition.holds(names):
                return one
        return None

    def resolved(self, value: Any) -> Any:
        """Return the value that a text means: the label of one option alone, or its value in another case.

        Anything else is returned as it is; of a list, each entry is looked at.
        """
        if isinstance(value, list):
            return [self._meant(one) for one in value]
        return self._meant(value)

    def nearest(self, value: object) -> str | None:
        """Return the option that a text is most like, in words; None if it is like none.

        Likeness is that of the pairs of letters (Sørensen-Dice coefficient), of the value or of the label.
        """
        wanted = _pairs(value) if isinstance(value, str) else 0
        own, best, nearest = wanted.bit_count(), 0.0, None
        for pairs, count, place in self._candidates(value) if wanted else ():
            likeness = (wanted & pairs).bit_count() / (own + count)
            if likeness > best:
                best, nearest = likeness, place
        return self._told(nearest) if nearest is not None else None

    def _candidates(self, value: object) -> Sequence[tuple[int, int, int]]:
        """Return the texts to compare one with: of many options, the texts with the same first letter."""
        if len(self._compared) <= _COMPARED:
            return self._compared
        return self._by_letter.get(_letter(value), self._compared)[:_COMPARED]

    def _meant(self, value: Any) -> Any:
        if not isinstance(value, str) or identity(value) in self._identities:
            return value
        places = self._places.get(_folded(value), ())
        return self.values[places[0]] if len(places) == 1 else value

    def _told(self, place: int) -> str:
        label = self.labels[place]
        value = shown(self.values[place])
        return value if label is None else f"{value} ({shown(label)})"

    @cached_property
    def _identities(self) -> frozenset[Any]:
        return frozenset(map(identity, self.values))

    @cached_property
    def _places(self) -> Mapping[str, Sequence[int]]:
        """The options by the texts that mean them."""
        places: dict[str, list[int]] = {}
        for place, texts in enumerate(self._texts):
            for text in {_folded(text) for text in texts if isinstance(text, str)}:
                places.setdefault(text, []).append(place)
        return places

    @cached_property
    def _compared(self) -> Sequence[tuple[int, int, int]]:
        """The pairs of letters of values and labels, how many they are, and the option's place."""
        texts = ((text, place) for place, both in enumerate(self._texts) for text in both if text is not None)
        return [(pairs, pairs.bit_count(), place) for text, place in texts if (pairs := _pairs(text))]

    @cached_property
    def _by_letter(self) -> Mapping[str, Sequence[tuple[int, int, int]]]:
        found: dict[str, list[tuple[int, int, int]]] = {}
        for one in self._compared:
            for letter in {_letter(text) for text in self._texts[one[2]] if text is not None}:
                found.setdefault(letter, []).append(one)
        return found

    @cached_property
    def _texts(self) -> Sequence[tuple[Any, Any]]:
        return list(zip(self.values, self.labels, strict=True))


def read_options(entry: Mapping[Any, Any]) -> Options:
    """Return the options of a schema's entry, without disabled ones.

    Raises:
        InvalidSchemaError: they are no options.
    """
    given = entry.get("options")
    if given is None:
        return Options()
    if not isinstance(given, list):
        raise InvalidSchemaError('options must be a list of values, or of objects with a "value"')
    described = [option if isinstance(option, dict) else {"value": option} for option in given]
    if any("value" not in option for option in described):
        raise InvalidSchemaError('an option that is an object must have a "value"')
    if not all(is_scalar(option["value"]) for option in described):
        raise InvalidSchemaError("an option must be text, a number, true, false or null")
    by_value = {identity(option["value"]): option for option in described if option.get("disabled") is not True}
    return Options(
        values=tuple(option["value"] for option in by_value.values()),
        labels=tuple(option.get("label") for option in by_value.values()),
        conditions={value: _condition(option) for value, option in by_value.items() if option.get("when") is not None},
        alone=frozenset(value for value, option in by_value.items() if option.get("exclusive") is True),
    )


def _condition(option: Mapping[Any, Any]) -> Condition:
    try:
        return compile_condition(option["when"])
    except InvalidSchemaError as error:
        raise InvalidSchemaError(f"the option {shown(option['value'])}: when: {error.detail}") from None


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _pairs(text: object) -> int:
    """Return the set of a text's pairs of letters as bits, so that sets are compared fast."""
    letters = f" {str(text)[:_CHARS].strip().casefold()} "
    bits = 0
    for pair in pairwise(letters):
        bits |= 1 << (ord(pair[0]) * 31 + ord(pair[1])) % _BITS
    return bits


def _letter(text: object) -> str:
    return str(text)[:_CHARS].strip()[:1].casefold()
