"""Expense claims on Django: a ModelForm, behind Django's own login."""
