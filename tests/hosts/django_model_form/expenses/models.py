"""What is stored."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Claim(models.Model):  # type: ignore[misc]
    """A claim of expenses."""

    class Category(models.TextChoices):  # type: ignore[misc]
        """What money is spent on."""

        TRAVEL = "travel", "Travel"
        MEALS = "meals", "Meals"
        EQUIPMENT = "equipment", "Equipment"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    purpose = models.CharField(max_length=80)
    category = models.CharField(max_length=20, choices=Category.choices)
    amount = models.DecimalField("Amount in euros", max_digits=7, decimal_places=2)
    spent = models.DateField("Spent on")
    approver = models.EmailField()
    notes = models.TextField(blank=True)

    def __str__(self) -> str:
        return str(self.purpose)
