"""A journey, as a Pydantic model."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field, model_validator


class Train(BaseModel):
    """A journey by train."""

    by: Literal["train"] = Field(title="By")
    seat: Literal["aisle", "window"] = Field("window", title="Seat")


class Car(BaseModel):
    """A journey by car."""

    by: Literal["car"] = Field(title="By")
    plate: str = Field(title="Number plate", min_length=3, max_length=10)


class Cost(BaseModel):
    """One cost."""

    what: str = Field(title="What for", min_length=2, max_length=60)
    day: date = Field(title="Paid on")
    amount: float = Field(title="Euros", gt=0, le=5000)


class Trip(BaseModel):
    """A journey with its costs."""

    purpose: str = Field(title="Purpose", description="What the journey was for", min_length=3, max_length=80)
    start: date = Field(title="First day")
    end: date = Field(title="Last day")
    way: Train | Car = Field(title="Way", discriminator="by")
    costs: list[Cost] = Field(title="Costs", min_length=1, max_length=8)
    remarks: str | None = Field(None, title="Remarks", max_length=400)

    @model_validator(mode="after")
    def in_order(self) -> Trip:
        """Compare the days."""
        if self.end < self.start:
            raise ValueError("the journey ends before it begins")
        return self
