"""Fields made from schemas of objects: nested ones as groups of keys, lists of them as rows, the rest as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from handshake_prompt.forms.conditions import Data, every, some
from handshake_prompt.forms.keys import escaped, joined
from handshake_prompt.forms.shape import Entry, GroupRule
from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.values import check_key
from handshake_prompt.texts.list_types import ARRAY

from .dialect import Schema, Schemas
from .embed import embedded
from .leaves import OPTIONS, Leaves, Members, sane, whole
from .parts import Choice, Gathered, Gatherer, Part, all_of, described
from .view import RecursiveError, View, Views

OPTION_BYTES = 24 * 1024
"""Of a field's options: an entry of a schema has 32 KiB."""
TEXT_CHARS = 200
"""Of a description: a context is read with each of them in it."""
DEFAULT_BYTES = 1024
SCHEMA_BYTES = 48 * 1024
"""Of a form's embedded schemas: a session takes 64 KiB of them."""
ROWS_DEEP = 3
"""Rows within rows: a cell's key has to stay readable."""
_LIMITS = Limits()


class TooManyFieldsError(Exception):
    """A schema has more fields than a form."""


@dataclass(frozen=True)
class Place:
    """Where in a form an object stands."""

    key: str = ""
    """Of the object, relative to its row."""
    list_key: str = ""
    """Of the rows it is in, without ids."""
    present: Data | None = None
    """When the object is there; None is always."""
    show: Data | None = None
    group: str | None = None
    levels: int = 0
    """Objects within one another that still become groups."""
    rows: int = ROWS_DEEP


@dataclass
class Fields:
    """The fields of a conversion so far."""

    room: int
    """Fields that may still be made."""
    schema_room: int = SCHEMA_BYTES
    """Bytes that embedded schemas may still have."""
    rules: dict[str, GroupRule] = field(default_factory=dict)
    lookups: dict[str, list[Any]] = field(default_factory=dict)


class Objects:
    """Makes the fields of one document."""

    def __init__(self, schemas: Schemas, views: Views, leaves: Leaves, gatherer: Gatherer, made: Fields) -> None:
        self._schemas = schemas
        self._views = views
        self._leaves = leaves
        self._gatherer = gatherer
        self._made = made

    def fields(self, parts: Sequence[Part], place: Place, *, most: int | None = None) -> list[Entry]:
        """Return the entries of an object's members.

        Args:
            parts: the object's.
            place: where it stands.
            most: members that become fields; the others become JSON.

        Raises:
            RecursiveError: the object contains itself.
            TooManyFieldsError: it has more fields than there is room for.
            TooManyPartsError: its schema has too many parts.
        """
        gathered = self._gatherer.of(parts, place.key)
        entries: list[Entry] = [self._choice(choice, place) for choice in gathered.choices]
        others: dict[str, Schema] = {}
        names = sorted(gathered.members, key=lambda name: None not in gathered.required.get(name, ())) if most else ()
        left_out = set(names[most:]) if most is not None else set()
        for name, members in gathered.members.items():
            if name in left_out or not _is_name(name, place):
                others[name] = all_of([part for part in members if part.applies == "always"])
            else:
                entries += self._member(name, members, gathered.required.get(name), place)
        rest = self._rest(gathered, others, place)
        return entries + ([rest] if rest is not None else [])

    def _choice(self, choice: Choice, place: Place) -> Entry:
        self._take_room()
        show = every(place.show, choice.show)
        return _entry(
            joined(place.key, choice.name),
            {"type": "enum", "options": list(choice.options), "virtual": True},
            group=place.group,
            showIf=show,
        )

    def _rest(self, gathered: Gathered, others: dict[str, Schema], place: Place) -> Entry | None:
        """Return the field for the members without one of their own, if the schema says that there may be some."""
        words = ("patternProperties", "additionalProperties", "propertyNames")
        said = [{word: part[word] for word in words if word in part} for part in gathered.rest]
        if not (said or others):
            return None
        self._take_room()
        schema: dict[str, Any] = {"type": ["object"], "allOf": said} if said else {"type": ["object"]}
        if others:
            schema["properties"] = others
        members = {"type": "json", "schema": self._embedded(schema), "rest": True}
        key = joined(place.key, self._schemas.free_name("@rest"))
        return _entry(key, members, group=place.group, showIf=place.show)

    # One member

    def _member(
        self, name: str, parts: Sequence[Part], required: Sequence[Data | None] | None, place: Place
    ) -> list[Entry]:
        key = joined(place.key, escaped(name))
        asked = _Asked.of(required, place.present)
        try:
            group = self._group(key, name, parts, asked, place)
        except RecursiveError:
            group = None
        return group if group is not None else [self._field(key, parts, asked, place)]

    def _group(self, key: str, name: str, parts: Sequence[Part], asked: _Asked, place: Place) -> list[Entry] | None:
        """Return the fields of a member that is an object with members of its own, None if it is something else."""
        certain = [part for part in parts if part.applies == "always"]
        views = [self._views.of(part.schema, part.path) for part in parts]
        whole = self._views.of(*described(parts)) if certain else views[0]
        if not place.levels or self._views.kind(whole) != "object":
            return None
        if any(self._views.kind(view) not in ("object", "any") for view in views):
            return None
        if not any(_is_open_to_members(view) for view in views):
            return None
        always = bool(certain) and asked.always
        self._made.rules[joined(place.list_key, key)] = GroupRule(always, whole.is_nullable)
        optional: Data = {"filled": key}
        if whole.is_nullable or not asked.any:
            present: Data | None = optional
        else:
            present = place.present if asked.always else some(asked.when, optional)
        title = str(whole.words.get("title") or name)
        inner = replace(place, key=key, present=present, group=title, levels=place.levels - 1)
        return self.fields(parts, inner)

    def _field(self, key: str, parts: Sequence[Part], asked: _Asked, place: Place) -> Entry:
        self._take_room()
        certain = [part for part in parts if part.applies == "always"]
        schema, path = described(parts)
        show = every(place.show, None if certain else some(*(part.show for part in parts)))
        view = self._views.or_any(schema, path)
        members = self._members(view, key, place) or self._as_json(schema)
        if "options" in members:
            self._narrow(members, parts, certain=bool(certain))
            self._bound_options(members, joined(place.list_key, key))
        annotations = _annotations(view, members)
        asks = None if members.get("type") == "rows" and not asked.any else asked.given(show)
        is_required = asked.any and asks is None
        return _entry(
            key,
            {**members, **annotations},
            group=place.group,
            blank=_blank(members, view, is_asked=asked.any, is_required=is_required),
            nullable=True if view.is_nullable and members["type"] != "rows" else None,
            required=True if is_required else None,
            requiredIf=asks if asked.any else None,
            showIf=show,
        )

    def _members(self, view: View, key: str, place: Place) -> Members | None:
        """Return the description of a field's values, None if there is none, or they contain themselves."""
        try:
            match self._views.kind(view):
                case "scalar":
                    return self._leaves.scalar(view)
                case "array":
                    return self._rows(view, key, place) or self._leaves.listed(view)
        except RecursiveError:
            return None
        return None

    def _rows(self, view: View, key: str, place: Place) -> Members | None:
        words = view.words
        items = words.get("items")
        if not isinstance(items, dict) or "prefixItems" in words or view.unions or not place.rows or not place.levels:
            return None
        item = self._views.of(items, view.path)
        if self._views.kind(item) != "object" or item.is_nullable or not _is_open_to_members(item):
            return None
        list_key = joined(place.list_key, key)
        inner = Place(list_key=list_key, levels=place.levels - 1, rows=place.rows - 1)
        fields = self.fields([Part(items, view.path)], inner)
        if not fields:
            return None
        self._made.rules[list_key] = GroupRule(nullable=view.is_nullable)
        given = {"minRows": words.get("minItems"), "maxRows": words.get("maxItems")}
        bounds = sane({name: most for name, most in whole(given).items() if most}, "minRows", "maxRows")
        return {"type": "rows", "fields": fields, **bounds}

    def _as_json(self, schema: Schema) -> Members:
        inner = self._embedded(schema)
        return {"type": "json", "schema": inner} if inner else {"type": "json"}

    def _embedded(self, schema: Schema) -> dict[str, Any]:
        """Return a schema that stands alone; one that allows anything once those of the form are too large in all."""
        found = embedded(schema, self._schemas, self._leaves.patterns)
        self._made.schema_room -= len(msgspec.json.encode(found))
        return found if self._made.schema_room >= 0 else {}

    def _narrow(self, members: Members, parts: Sequence[Part], *, certain: bool) -> None:
        """Say of each option when it may be chosen, where parts under conditions allow some of them alone."""
        narrowing = [
            (part.show, [option["value"] for option in _as_objects(field["options"])])
            for part in parts
            if part.applies == "if" and part.show is not None
            if (field := self._members(self._views.of(part.schema, part.path), "", Place())) and "options" in field
        ]
        if not narrowing or (not certain and len(narrowing) < len(parts)):
            return
        options = _as_objects(members["options"])
        for option in options:
            if certain:
                excluded = [show for show, values in narrowing if option["value"] not in values]
                when = every(*({"not": show} for show in excluded))
            else:
                shows = [show for show, values in narrowing if option["value"] in values]
                when = some(*shows) if len(shows) < len(narrowing) else None
            if when is not None:
                option["when"] = when
        members["options"] = [option if len(option) > 1 else option["value"] for option in options]

    def _bound_options(self, members: Members, key: str) -> None:
        if are_too_many(members["options"]):
            self._made.lookups[key] = members.pop("options")
            members["lookup"] = True

    def _take_room(self) -> None:
        self._made.room -= 1
        if self._made.room < 0:
            raise TooManyFieldsError


@dataclass(frozen=True)
class _Asked:
    """Whether a member is required: at all, always, or when."""

    any: bool
    always: bool = False
    when: Data | None = None

    @classmethod
    def of(cls, required: Sequence[Data | None] | None, present: Data | None) -> _Asked:
        """Return the sum of requirements on a member of an object that is present under a condition."""
        if not required:
            return cls(any=False)
        always = None in required
        return cls(any=True, always=always, when=every(present, None if always else some(*required)))

    def given(self, show: Data | None) -> Data | None:
        """Return when it is required, where the field is shown; None is always."""
        if self.when is None or show is None:
            return self.when
        shown = show.get("all", [show])
        if self.when in (show, *shown) or show in self.when.get("any", ()):
            return None
        parts = [part for part in self.when.get("all", [self.when]) if part not in shown]
        return every(*parts)


def _entry(key: str, members: Members, **more: Any) -> Entry:
    return {"key": key, **members, **{name: value for name, value in more.items() if value is not None}}


def _blank(members: Members, view: View, *, is_asked: bool, is_required: bool) -> bool | None:
    """Whether an empty value is an answer, as an empty list is where one is asked for; false if it clears nothing."""
    if members.get("minLength"):
        return None if is_required else False
    kind = members["type"]
    if kind == "rows":
        return True if is_required and not members.get("minRows") else None
    may_hold_none = members.get("multiple") or (isinstance(kind, str) and kind.startswith((ARRAY, "json")))
    return True if is_asked and may_hold_none and not {"minItems", "minProperties"} & view.words.keys() else None


def _annotations(view: View, members: Members) -> Members:
    words = view.words
    found: Members = {}
    for word, name in (("title", "label"), ("description", "desc")):
        if words.get(word):
            found[name] = _cut(words[word])
    examples = words.get("examples") or ()
    if examples and isinstance(examples[0], str | int | float) and len(str(examples[0])) <= TEXT_CHARS:
        found["example"] = examples[0]
    if words.get("readOnly"):
        found["readOnly"] = True
    if words.get("writeOnly") or members.get("format") == "password":
        found["sensitive"] = True  # a default would be there to be read; Pydantic has asterisks in its place
    elif words.get("default") is not None and len(msgspec.json.encode(words["default"])) <= DEFAULT_BYTES:
        found["default"] = words["default"]
    return found


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= TEXT_CHARS else f"{text[: TEXT_CHARS - 1]}…"


def are_too_many(options: Sequence[Any]) -> bool:
    """Whether the options of a field are to be looked up."""
    return len(options) > OPTIONS or len(msgspec.json.encode(options)) > OPTION_BYTES


def _as_objects(options: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(option) if isinstance(option, dict) else {"value": option} for option in options]


def _is_open_to_members(view: View) -> bool:
    return bool(view.words.get("properties") or view.words.get("required") or view.unions or view.conditionals)


def _is_name(name: str, place: Place) -> bool:
    """Whether a member's name can be a part of a key, with room for the ids of rows."""
    try:
        check_key(name, _LIMITS)
    except InvalidRequestError:
        return False
    longest = _LIMITS.key_chars - 40 * (ROWS_DEEP - place.rows)
    return len(joined(place.list_key, place.key, escaped(name))) <= longest
