"""Conversion of JSON Schema: a document of any draft becomes the fields of a form.

The fields are a relaxation of the schema: they accept every value that it accepts. The rest is left to the form's
validator, and so is the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handshake_prompt.forms.conditions import compile_condition
from handshake_prompt.forms.rules import compile_rules
from handshake_prompt.forms.shape import Entry, GroupRule
from handshake_prompt.protocol.errors import InvalidSchemaError

from .dialect import Schema, Schemas, canonical
from .leaves import Leaves, Moments
from .objects import Fields, Objects, Place, TooManyFieldsError, are_too_many
from .parts import Gatherer, Part
from .truth import Truth
from .view import RecursiveError, TooManyPartsError, View, Views

__all__ = ["WRAPPED", "Conversion", "Moments", "are_too_many", "convert"]

FIELDS = 500
"""Of a form and of its rows together."""
_LEVELS = (6, 4, 3, 2, 1, 0)
"""Objects within one another that become groups: the first depth at which the fields are few enough."""
WRAPPED = "value"
"""The key of the only field, where the document is no object."""


@dataclass(frozen=True)
class Conversion:
    """A schema as fields.

    `rules` tells about groups beyond their fields, `lookups` has the options of fields with too many, by the
    field's key without row ids. `is_wrapped` says that the document is the value of the only field, `WRAPPED`.
    `unresolved` are references to other documents. `is_escaped` says that keys are joined of escaped names, in a form
    without groups too.
    """

    fields: list[Entry]
    rules: Mapping[str, GroupRule]
    lookups: Mapping[str, list[Any]]
    is_wrapped: bool
    unresolved: frozenset[str]
    is_escaped: bool = False


def convert(document: Mapping[str, Any], *, moments: Moments = "rfc3339", most: int = FIELDS) -> Conversion:
    """Return the fields of a JSON Schema.

    Args:
        document: of any draft, as JSON has it.
        moments: the times of day and moments that its validator takes.
        most: fields that there may be.
    """
    schemas = canonical(document)
    root, is_wrapped = schemas.root, False
    try:
        views = Views(schemas)
        view = views.of(root)
        is_wrapped = views.kind(view) not in ("object", "any") and not _is_object_too(view)
    except (RecursiveError, TooManyPartsError):
        root = True
    if is_wrapped:
        root = {"type": ["object"], "properties": {WRAPPED: root}, "required": [WRAPPED]}
    fields, made = _fitted(root, schemas, moments, most)
    return Conversion(
        _relaxed(_without_circles(fields)),
        made.rules,
        made.lookups,
        is_wrapped,
        frozenset(schemas.unresolved),
        is_escaped=True,
    )


def _is_object_too(view: View) -> bool:
    """Whether a document may be an object with members, beside other things that no form is for."""
    return "object" in view.words.get("type", ()) and bool(view.words.get("properties"))


def _fitted(root: Schema, schemas: Schemas, moments: Moments, most: int) -> tuple[list[Entry], Fields]:
    for levels in _LEVELS:
        try:
            return _made(root, schemas, moments, levels=levels, room=most)
        except (TooManyFieldsError, TooManyPartsError):
            continue
        except RecursiveError:
            break
    try:
        return _made(root, schemas, moments, levels=0, room=most, most=most - 1)
    except (TooManyFieldsError, TooManyPartsError, RecursiveError):
        return [{"key": "@rest", "type": "json", "rest": True}], Fields(0)


def _made(
    root: Schema, schemas: Schemas, moments: Moments, *, levels: int, room: int, most: int | None = None
) -> tuple[list[Entry], Fields]:
    views = Views(schemas)
    made = Fields(room)
    objects = Objects(
        schemas, views, Leaves(views, moments=moments), Gatherer(schemas, views, Truth(schemas, views)), made
    )
    fields = objects.fields([Part(root)], Place(levels=levels), most=most)
    return fields or [{"key": "@rest", "type": "json", "rest": True}], made


def _without_circles(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Show everything always where the conditions are too many or go in a circle: it costs a look, and no value."""
    try:
        compile_rules(_relaxed(entries))
    except InvalidSchemaError:
        return [_without(entry, "showIf", "requiredIf") for entry in entries]
    return entries


def _relaxed(entries: Sequence[Entry]) -> list[Entry]:
    """Leave out conditions that are too large, and those on values that stand within others."""
    is_within = _named_within(entries)
    return [_with_conditions(entry, is_within) for entry in entries]


def _with_conditions(entry: Entry, is_within: Callable[[str], bool]) -> Entry:
    untold = [word for word in ("showIf", "requiredIf") if word in entry and not _is_told(entry[word], is_within)]
    kept = _without(entry, *untold) if untold else entry
    if any(isinstance(option, dict) and "when" in option for option in kept.get("options", ())):
        kept = {**kept, "options": [_option(option, is_within) for option in kept["options"]]}
    return {**kept, "fields": _relaxed(kept["fields"])} if "fields" in kept else kept


def _option(option: Any, is_within: Callable[[str], bool]) -> Any:
    if not isinstance(option, dict) or "when" not in option or _is_told(option["when"], is_within):
        return option
    return {name: value for name, value in option.items() if name != "when"}


def _is_told(condition: object, is_within: Callable[[str], bool]) -> bool:
    try:
        return not any(map(is_within, compile_condition(condition).names))
    except InvalidSchemaError:
        return False


def _named_within(entries: Sequence[Entry]) -> Callable[[str], bool]:
    """Return the test of a name: whether its value, if there is one, stands within that of a field of JSON."""
    keys = [entry["key"] for entry in entries]
    known = {"/".join(key.split("/")[:depth]) for key in keys for depth in range(1, key.count("/") + 2)}
    rests = tuple(entry["key"].rpartition("/")[0] for entry in entries if entry.get("rest") is True)
    inside = tuple(f"{entry['key']}/" for entry in entries if entry.get("type") == "json")
    return lambda name: name.startswith(inside) or (name not in known and name.startswith(rests))


def _without(entry: Entry, *words: str) -> Entry:
    """Leave out conditions. A field required where it is shown is not required once it is shown always."""
    if "showIf" in words and "showIf" in entry:
        words = (*words, "required")
    kept = {word: value for word, value in entry.items() if word not in words}
    return {**kept, "fields": [_without(inner, *words) for inner in kept["fields"]]} if "fields" in kept else kept
