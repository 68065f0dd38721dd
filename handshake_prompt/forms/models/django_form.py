"""Forms from Django's `Form` and `ModelForm` classes, with all their validators. Django is never required."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from handshake_prompt.forms.expressions import WholePatterns
from handshake_prompt.forms.formats import as_date, as_datetime, as_time
from handshake_prompt.forms.json_schema import Conversion, are_too_many
from handshake_prompt.forms.numbers import carried, is_finite
from handshake_prompt.forms.shape import Entry

from .base import Finding, Verdict

_TYPES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("JSONField", {"type": "json"}),
    ("FileField", {"type": "file", "by": "person"}),
    ("ModelMultipleChoiceField", {"type": "array"}),
    ("ModelChoiceField", {"type": ["integer", "string"]}),
    ("MultipleChoiceField", {"type": "enum", "multiple": True}),
    ("ChoiceField", {"type": "enum"}),
    ("NullBooleanField", {"type": "boolean", "nullable": True}),
    ("BooleanField", {"type": "boolean"}),
    ("DecimalField", {"type": "number"}),
    ("FloatField", {"type": "number"}),
    ("IntegerField", {"type": "integer"}),
    ("SplitDateTimeField", {"type": "datetime"}),
    ("DateTimeField", {"type": "datetime"}),
    ("DateField", {"type": "date"}),
    ("TimeField", {"type": "time"}),
    ("DurationField", {"type": "string"}),
    ("EmailField", {"type": "email"}),
    ("URLField", {"type": "string", "format": "uri-reference"}),
    ("UUIDField", {"type": "string"}),
    ("CharField", {"type": "string"}),
)
"""Classes of fields, subclasses before their bases."""
_MOMENTS: Mapping[str, Callable[[object], Any]] = {
    "SplitDateTimeField": as_datetime,
    "DateTimeField": as_datetime,
    "DateField": as_date,
    "TimeField": as_time,
}
"""Readers of the texts that fields for days and times take here."""
_PATTERNED = frozenset({"CharField", "RegexField", "SlugField"})


class DjangoForm:
    """A form class; the typed value is a bound form that is valid, with its `cleaned_data` and `save()`.

    Fields with a hidden widget are left out, and bound to their `initial`. Choices from a database are not
    read when the class is taken, but when a document is judged.
    """

    has_rules = True
    is_native = False

    def __init__(self, form: Any) -> None:
        self._form = form
        patterns = WholePatterns()
        shown = {name: field for name, field in form.base_fields.items() if not field.widget.is_hidden}
        entries = [_entry(name, field, patterns) for name, field in shown.items()]
        lookups = {entry["key"]: entry["options"] for entry in entries if are_too_many(entry.get("options", ()))}
        self.conversion = Conversion(
            [_looked_up(entry) if entry["key"] in lookups else entry for entry in entries],
            rules={},
            lookups=lookups,
            is_wrapped=False,
            unresolved=frozenset(),
        )

    def judge(self, document: Any) -> Verdict:
        """Bind a document, and return the form or its errors.

        Connections to databases are treated as at the beginning and the end of a request: broken and too
        old ones are closed, since the threads that validate are not Django's.
        """
        from django import db  # noqa: PLC0415 - there if its forms are

        db.close_old_connections()
        try:
            return self._judge(document)
        finally:
            db.close_old_connections()

    def _judge(self, document: Any) -> Verdict:
        form = self._form(data=dict(self._data(document)))
        if form.is_valid():
            return Verdict(form)
        return Verdict(
            None, [finding for name, errors in form.errors.as_data().items() for finding in _told(name, errors)]
        )

    def _data(self, document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for name, field in self._form.base_fields.items():
            value = document.get(name, field.initial if field.widget.is_hidden else None)
            if value is not None:
                yield from _bound(name, field, _moment(field, value))


def is_django_form(model: Any) -> bool:
    """Whether a class is a form of Django's."""
    return isinstance(model, type) and any(
        base.__module__ == "django.forms.forms" and base.__name__ == "BaseForm" for base in model.__mro__
    )


def _bound(name: str, field: Any, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield a value as the field's widget looks for it: one of several parts under a name for each."""
    widgets = getattr(field.widget, "widgets", None)
    if widgets is None:
        yield name, value
    elif _is_of(field, "SplitDateTimeField") and isinstance(value, str):
        yield f"{name}{field.widget.widgets_names[0]}", value  # no moment: the form says so
    else:
        for number, part in enumerate(field.widget.decompress(value)):
            yield f"{name}{field.widget.widgets_names[number]}", part


def _moment(field: Any, value: Any) -> Any:
    """Return a text as the day, time or moment that it is: the formats that a field reads may be others."""
    read = next((read for name, read in _MOMENTS.items() if _is_of(field, name)), None)
    found = read(value) if read is not None else None
    return value if found is None else found


def _told(name: str, errors: Any) -> Iterator[Finding]:
    path = () if name == "__all__" else (name,)
    for error in errors:
        for text in error.messages:
            yield Finding(path, str(text), is_lack=error.code == "required")


def _looked_up(entry: Entry) -> Entry:
    return {**{name: value for name, value in entry.items() if name != "options"}, "lookup": True}


def _is_of(field: Any, name: str) -> bool:
    """Whether a field is of a class of Django's, or of one of the host's under it."""
    return any(base.__name__ == name and base.__module__.startswith("django.") for base in type(field).__mro__)


def _entry(name: str, field: Any, patterns: WholePatterns) -> Entry:
    members = next((dict(members) for kind, members in _TYPES if _is_of(field, kind)), {"type": "string"})
    entry: dict[str, Any] = {"key": name.replace("~", "~0").replace("/", "~1"), **members}
    if field.label:
        entry["label"] = str(field.label)
    if field.help_text:
        entry["desc"] = str(field.help_text)
    if field.required:
        entry["required"] = True
    if field.disabled:
        entry["readOnly"] = True
    entry |= _choices(entry, field) | _numbers(entry, field) | _texts(entry, field, patterns)
    if (initial := _initial(field.initial)) is not None and not entry.get("sensitive"):
        entry["default"] = initial
    return entry


def _initial(value: Any) -> Any:
    """Return an initial value as JSON has it, None for one that is made anew each time or is no JSON."""
    if isinstance(value, list | tuple):
        listed = [_initial(one) for one in value]
        return None if None in listed else listed
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        value = _plain(value)
    return carried(value) if isinstance(value, str | int | float) and is_finite(value) else None


def _choices(entry: Entry, field: Any) -> dict[str, Any]:
    if entry["type"] == "boolean" and field.required:
        return {"type": "enum", "options": [True]}  # a box that has to be ticked
    if entry["type"] != "enum" or callable(getattr(field, "_choices", None)):
        return {}
    options = [
        {"value": _scalar(value), "label": str(label), **({"group": group} if group else {})}
        for group, value, label in _flat(field.choices)
        if value not in (None, "")
    ]
    return {"options": [option if option["label"] != option["value"] else option["value"] for option in options]}


def _scalar(value: Any) -> Any:
    """Return a choice as JSON has it: Django compares texts, so a date or a UUID is the same as its text."""
    return value if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)) else str(value)


def _flat(choices: Any) -> Iterator[tuple[str, Any, Any]]:
    for value, label in choices:
        if isinstance(label, list | tuple):
            yield from ((str(value), inner, text) for inner, text in label)
        else:
            yield "", value, label


def _numbers(entry: Entry, field: Any) -> dict[str, Any]:
    if entry["type"] not in ("number", "integer"):
        return {}
    places = getattr(field, "decimal_places", None)
    step = getattr(field, "step_size", None) or (10.0**-places if places else None)
    found = {"min": getattr(field, "min_value", None), "max": getattr(field, "max_value", None), "step": step}
    if places == 0:
        found["step"] = 1
    given = {word: _plain(value) for word, value in found.items() if value is not None and not callable(value)}
    return {word: value for word, value in given.items() if math.isfinite(value)}


def _plain(number: Any) -> int | float:
    if isinstance(number, Decimal):
        number = int(number) if number == number.to_integral_value() else float(number)
    return carried(number) if isinstance(number, int) else float(number)


def _texts(entry: Entry, field: Any, patterns: WholePatterns) -> dict[str, Any]:
    if entry["type"] not in ("string", "email"):
        return {}
    found: dict[str, Any] = {}
    if _is_of(field, "CharField") and not _is_of(field, "UUIDField"):
        found = {"minLength": getattr(field, "min_length", None), "maxLength": getattr(field, "max_length", None)}
    widget = type(field.widget).__name__
    if widget == "Textarea":
        found["multiline"] = True
    if getattr(field.widget, "input_type", None) == "password":
        found |= {"by": "person", "sensitive": True}
    if type(field).__name__ in _PATTERNED:
        found["pattern"] = next(filter(None, (_pattern(one, patterns) for one in field.validators)), None)
    return {word: value for word, value in found.items() if value is not None}


def _pattern(validator: Callable[..., Any], patterns: WholePatterns) -> str | None:
    """Return the pattern of a validator that wants a text to match, if a field can say it."""
    regex = getattr(validator, "regex", None)
    pattern = getattr(regex, "pattern", None)
    if not isinstance(pattern, str) or getattr(validator, "inverse_match", False):
        return None
    flags = getattr(regex, "flags", 0) & ~re.UNICODE
    return patterns.of(pattern) if not flags else None
