"""Forms from Django's form classes."""

from __future__ import annotations

import ast
import datetime as dt
import math
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from handshake_prompt.forms.form_model import FormModel
from handshake_prompt.forms.problems import FieldErrors
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.validation import check_schema
from tests.embedding.hosts.frameworks import set_up_django

set_up_django()

COUNTRIES = [("", "Choose"), ("Near", [("AT", "Austria"), ("CH", "Switzerland")]), ("JP", "Japan")]


class Booking(forms.Form):  # type: ignore[misc]  # Django has no types
    name = forms.CharField(min_length=2, max_length=20, label="Your name", help_text="As in the passport")
    mail = forms.EmailField(required=False)
    code = forms.CharField(required=False, validators=[RegexValidator(r"^[A-Z]{3}$")])
    nights = forms.IntegerField(min_value=1, max_value=9, initial=1)
    price = forms.DecimalField(max_digits=6, decimal_places=2, required=False)
    arrival = forms.DateField()
    slot = forms.SplitDateTimeField(required=False)
    country = forms.ChoiceField(choices=COUNTRIES)
    extras = forms.MultipleChoiceField(choices=[("b", "Breakfast"), ("p", "Parking")], required=False)
    terms = forms.BooleanField()
    news = forms.BooleanField(required=False)
    note = forms.CharField(widget=forms.Textarea, required=False)
    pin = forms.CharField(widget=forms.PasswordInput, required=False)
    token = forms.CharField(widget=forms.HiddenInput, initial="t0")
    photo = forms.FileField(required=False)
    extra = forms.JSONField(required=False)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if name == "Taken":
            raise ValidationError("%(name)s is taken", params={"name": name})
        return name

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("nights", 0) > 5 and "b" not in found.get("extras", []):
            raise ValidationError("More than five nights come with breakfast")
        return found


VALUES = {
    "name": "Ada",
    "nights": 2,
    "arrival": "2026-05-04",
    "slot": "2026-05-04 09:30:00",
    "country": "AT",
    "extras": ["b"],
    "terms": True,
    "price": 19.99,
    "extra": {"a": [1]},
}


def test_the_fields_are_those_a_person_sees() -> None:
    fields = {entry["key"]: entry for entry in FormModel("booking", Booking).fields}
    assert "token" not in fields
    assert fields["name"] == {
        "key": "name",
        "type": "string",
        "label": "Your name",
        "desc": "As in the passport",
        "required": True,
        "minLength": 2,
        "maxLength": 20,
    }
    assert fields["country"]["options"] == [
        {"value": "AT", "label": "Austria", "group": "Near"},
        {"value": "CH", "label": "Switzerland", "group": "Near"},
        {"value": "JP", "label": "Japan"},
    ]
    assert (fields["price"]["type"], fields["price"]["step"]) == ("number", 0.01)
    assert (fields["nights"]["min"], fields["nights"]["max"], fields["nights"]["default"]) == (1, 9, 1)
    assert (fields["terms"]["type"], fields["terms"]["options"]) == ("enum", [True])
    assert fields["code"]["pattern"] == "[A-Z]{3}"
    assert (fields["pin"]["by"], fields["pin"]["sensitive"], fields["photo"]["by"]) == ("person", True, "person")
    assert {key: fields[key]["type"] for key in ("mail", "arrival", "slot", "news", "extra")} == {
        "mail": "email",
        "arrival": "date",
        "slot": "datetime",
        "news": "boolean",
        "extra": "json",
    }


def test_bounds_of_a_databases_large_numbers_are_taken() -> None:
    class Counted(forms.Form):  # type: ignore[misc]  # Django has no types
        count = forms.IntegerField(min_value=-(2**63), max_value=2**63 - 1)

    form = FormModel("counted", Counted)
    check_schema(form.fields, Limits())
    assert form.problems({"count": 3}, {}) == []


def test_the_value_in_the_end_is_a_form_that_is_valid() -> None:
    form = FormModel("booking", Booking).parse(VALUES, {})
    assert isinstance(form, Booking)
    assert (form.cleaned_data["nights"], form.cleaned_data["token"], form.cleaned_data["extras"]) == (2, "t0", ["b"])
    assert form.cleaned_data["slot"].isoformat().startswith("2026-05-04T09:30")
    assert form.cleaned_data["extra"] == {"a": [1]}


class Localized(forms.Form):  # type: ignore[misc]  # Django has no types
    day = forms.DateField(required=False, input_formats=["%d.%m.%Y"])
    at = forms.DateTimeField(required=False, input_formats=["%d.%m.%Y %H Uhr"])
    opens = forms.TimeField(required=False, input_formats=["%H Uhr"])
    slot = forms.SplitDateTimeField(required=False, input_date_formats=["%d.%m.%Y"], input_time_formats=["%H Uhr"])
    born = forms.DateField(required=False, widget=forms.SelectDateWidget(years=[1990]))


@pytest.mark.parametrize(
    ("key", "value", "cleaned"),
    [
        ("day", "2026-05-04", dt.date(2026, 5, 4)),
        ("day", "04.05.2026", dt.date(2026, 5, 4)),
        ("at", "2026-05-04T09:30", dt.datetime(2026, 5, 4, 9, 30, tzinfo=dt.UTC)),
        ("opens", "09:30", dt.time(9, 30)),
        ("slot", "2026-05-04 09:30", dt.datetime(2026, 5, 4, 9, 30, tzinfo=dt.UTC)),
        ("born", "1990-05-04", dt.date(1990, 5, 4)),
    ],
)
def test_days_and_times_are_read_whatever_formats_a_field_of_the_hosts_has(key: str, value: str, cleaned: Any) -> None:
    found = FormModel("localized", Localized).parse({key: value}, {}).cleaned_data[key]
    assert (found.replace(tzinfo=dt.UTC) if isinstance(found, dt.datetime) else found) == cleaned


def test_choices_that_are_no_json_are_chosen_by_their_text() -> None:
    class Ticket(forms.Form):  # type: ignore[misc]  # Django has no types
        price = forms.TypedChoiceField(choices=[(Decimal("1.50"), "Half"), (3, "Full")], coerce=Decimal)
        day = forms.ChoiceField(choices=[(dt.date(2026, 5, 4), "Monday")])

    form = FormModel("ticket", Ticket)
    check_schema(form.fields, Limits())
    assert [[option["value"] for option in entry["options"]] for entry in form.fields] == [["1.50", 3], ["2026-05-04"]]
    cleaned = form.parse({"price": "1.50", "day": "2026-05-04"}, {}).cleaned_data
    assert cleaned == {"price": Decimal("1.50"), "day": "2026-05-04"}


def test_a_session_begins_with_the_initial_values_that_are_the_same_each_time() -> None:
    class Stay(forms.Form):  # type: ignore[misc]  # Django has no types
        extras = forms.MultipleChoiceField(choices=[("b", "Breakfast")], initial=["b"])
        arrival = forms.DateField(initial=dt.date(2026, 5, 4))
        at = forms.TimeField(initial=dt.time(9, 30))
        price = forms.DecimalField(initial=Decimal("1.5"))
        booked = forms.DateTimeField(initial=dt.datetime.now, required=False)
        most = forms.FloatField(initial=math.inf, required=False)
        code = forms.CharField(widget=forms.PasswordInput, initial="1234", required=False)

    form = FormModel("stay", Stay)
    assert form.initial == {"extras": ["b"], "arrival": "2026-05-04", "at": "09:30:00", "price": 1.5}
    assert form.problems(form.initial, {}) == []


def test_choices_too_many_to_send_are_looked_up() -> None:
    class Move(forms.Form):  # type: ignore[misc]  # Django has no types
        city = forms.ChoiceField(choices=[(str(number), f"City of number {number}") for number in range(20_000)])

    form = FormModel("move", Move)
    check_schema(form.fields, Limits())
    assert form.fields == [{"key": "city", "type": "enum", "required": True, "lookup": True}]
    assert form.lookups["city"][7] == {"value": "7", "label": "City of number 7"}
    assert [problem.keys for problem in form.problems({"city": "x"}, {})] == [("city",)]


def test_bounds_without_an_end_bound_nothing() -> None:
    class Reading(forms.Form):  # type: ignore[misc]  # Django has no types
        value = forms.FloatField(min_value=-math.inf, max_value=math.inf)

    assert FormModel("reading", Reading).fields == [{"key": "value", "type": "number", "required": True}]


@pytest.mark.parametrize("key", ["day", "at", "opens", "slot"])
def test_a_text_that_is_no_day_or_time_is_a_problem(key: str) -> None:
    assert [problem.keys for problem in FormModel("localized", Localized).problems({key: "soon"}, {})] == [(key,)]


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({}, []),
        ({"name": "A"}, [("name",)]),
        ({"name": "Taken"}, [("name",)]),
        ({"nights": 6, "extras": []}, [()]),
        ({"nights": 12}, [("nights",)]),
        ({"country": "XX"}, [("country",)]),
        ({"extras": ["b", "x"]}, [("extras",)]),
        ({"terms": False}, [("terms",)]),
        ({"slot": "soon"}, [("slot",)]),
        ({"price": 1.234}, [("price",)]),
        ({"name": ""}, []),
    ],
)
def test_what_any_of_its_validators_refuses_is_a_problem(change: Any, keys: Any) -> None:
    assert [problem.keys for problem in FormModel("booking", Booking).problems({**VALUES, **change}, {})] == keys


def test_what_is_required_is_missing() -> None:
    form = FormModel("booking", Booking)
    assert form.status({}, {}).missing == ("name", "nights", "arrival", "country", "terms")
    with pytest.raises(FieldErrors):
        form.parse({}, {})


MODEL_FORM = """
import django
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}, USE_TZ=True)
django.setup()
from django import forms
from django.db import connection, models

class Country(models.Model):
    name = models.CharField(max_length=9)
    class Meta:
        app_label = "trips"

class Trip(models.Model):
    code = models.CharField(max_length=4, unique=True)
    days = models.PositiveSmallIntegerField()
    fee = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True)
    kind = models.CharField(max_length=1, choices=[("r", "Rail"), ("s", "Sea")], default="r")
    to = models.ForeignKey(Country, models.CASCADE, null=True, blank=True)
    class Meta:
        app_label = "trips"

class TripForm(forms.ModelForm):
    class Meta:
        model = Trip
        fields = "__all__"

with connection.schema_editor() as editor:
    editor.create_model(Country)
    editor.create_model(Trip)

from handshake_prompt.forms.form_model import FormModel

form = FormModel("trip", TripForm)
austria = Country.objects.create(name="Austria")
values = {"code": "A1", "days": 3, "kind": "s", "fee": 9.5, "to": austria.pk}
print(sorted((entry["key"], entry["type"], entry.get("required", False)) for entry in form.fields))
print(form.defaults.values)
print(form.problems(values, {}))
form.parse(values, {}).save()
print(Trip.objects.get().to.name)
print([problem.keys for problem in form.problems(values, {})])
print([problem.keys for problem in form.problems({**values, "code": "B2", "to": 99, "days": -1}, {})])
"""


def test_a_model_form_asks_the_database_and_saves() -> None:
    done = subprocess.run([sys.executable, "-c", MODEL_FORM], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    fields, *others = done.stdout.splitlines()
    assert ast.literal_eval(fields) == [
        ("code", "string", True),
        ("days", "integer", True),
        ("fee", "number", False),
        ("kind", "enum", True),
        ("to", ["integer", "string"], False),
    ]
    assert others == ["{'kind': 'r'}", "[]", "Austria", "[('code',)]", "[('days',), ('to',)]"]
