"""A journey, as a struct of msgspec's."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct


class Train(Struct, tag_field="by", tag="train"):
    """A journey by train."""

    seat: Annotated[Literal["aisle", "window"], Meta(title="Seat")] = "window"


class Car(Struct, tag_field="by", tag="car"):
    """A journey by car."""

    plate: Annotated[str, Meta(title="Number plate", min_length=3, max_length=10)]


class Cost(Struct):
    """One cost."""

    what: Annotated[str, Meta(title="What for", min_length=2, max_length=60)]
    day: Annotated[date, Meta(title="Paid on")]
    amount: Annotated[float, Meta(gt=0, le=5000, title="Euros")]


class Trip(Struct):
    """A journey with its costs."""

    purpose: Annotated[str, Meta(title="Purpose", description="What the journey was for", min_length=3, max_length=80)]
    start: Annotated[date, Meta(title="First day")]
    end: Annotated[date, Meta(title="Last day")]
    way: Annotated[Train | Car, Meta(title="Way")]
    costs: Annotated[list[Cost], Meta(title="Costs", min_length=1, max_length=8)]
    remarks: Annotated[str, Meta(title="Remarks", max_length=400)] | None = None

    def __post_init__(self) -> None:
        """Compare the days."""
        if self.end < self.start:
            raise ValueError("the journey ends before it begins")
