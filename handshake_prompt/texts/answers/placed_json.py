"""Objects and lists of JSON with the places of their parts in the text that they were read from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any


class Members(dict[str, Any]):
    """An object, with the place of each of its names."""

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[str, int] = {}

    def put_member(self, name: str, value: Any, place: int) -> None:
        """Set a member that stands at a place."""
        self[name], self.places[name] = value, place

    def only_members(self, names: Collection[str]) -> Members:
        """Return some of the members."""
        found = Members()
        for name, value in self.items():
            if name in names:
                found.put_member(name, value, self.places[name])
        return found


class Listed(list[Any]):
    """A list, with the place of each of its entries."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[int] = []

    def put_entry(self, value: Any, place: int) -> None:
        """Add an entry that stands at a place."""
        self.append(value)
        self.places.append(place)


def plain_value(value: Any) -> Any:
    """Return a value of objects and lists without places."""
    if isinstance(value, dict):
        return {name: plain_value(one) for name, one in value.items()}
    return [*map(plain_value, value)] if isinstance(value, list) else value


def placed_members(value: Mapping[str, Any], place: int) -> Iterator[tuple[str, Any, int]]:
    """Yield names, values and places of an object; `place` where they are not known."""
    places = value.places if isinstance(value, Members) else {}
    yield from ((name, one, places.get(name, place)) for name, one in value.items())


def placed_entries(value: Sequence[Any], place: int) -> Iterator[tuple[Any, int]]:
    """Yield values and places of a list; `place` where they are not known."""
    yield from zip(value, value.places if isinstance(value, Listed) else repeat(place), strict=False)
