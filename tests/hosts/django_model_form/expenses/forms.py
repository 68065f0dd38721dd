"""Forms."""

from __future__ import annotations

from typing import Any

from django import forms

from .models import Claim


class ClaimForm(forms.ModelForm):  # type: ignore[misc]
    """The form of a claim."""

    amount = forms.DecimalField(label="Amount in euros", min_value=0.01, max_value=5000, decimal_places=2)

    class Meta:
        """How it is made from the model."""

        model = Claim
        fields = ("purpose", "category", "amount", "spent", "approver", "notes")
        widgets = {"spent": forms.DateInput(attrs={"type": "date"})}  # noqa: RUF012 - read by Django alone

    def clean_purpose(self) -> Any:
        purpose = self.cleaned_data["purpose"]
        if Claim.objects.filter(purpose=purpose).exists():
            raise forms.ValidationError("There is a claim for this purpose already")
        return purpose
