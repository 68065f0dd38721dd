"""Parts of an object's schema: its members by the part that names them, and when each part applies.

`allOf` always applies. An alternative of `oneOf`, a `then`, a dependency applies under a condition, if one can be said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from handshake_prompt.forms.conditions import Data, every, negated, some
from handshake_prompt.forms.field_types import identity
from handshake_prompt.forms.keys import escaped, joined

from .dialect import Schema, Schemas
from .truth import NEVER, Truth, UnsaidError, presence
from .view import Union, View, Views, constants

ALTERNATIVES = 50
"""Of one union; more are not told apart."""

SIGNS = 24
"""Members to recognise an alternative by that nobody has chosen: such a condition has room for no more."""

Applies = Literal["always", "if", "perhaps"]
"""Whether a part's rules hold: always, under a condition, or under one that cannot be said."""


@dataclass(frozen=True)
class Part:
    """One schema of an object or of its member."""

    schema: Schema
    path: frozenset[str] = frozenset()
    """Names of the references on the way here."""
    applies: Applies = "always"
    show: Data | None = None
    """When fields that only this part names are shown; None is always."""
    asks: Data | None = None
    """When its requirements hold, None is always; without a meaning where it applies perhaps."""

    def under(self, condition: Data | None, schema: Schema, path: frozenset[str]) -> Part:
        """Return a part of this part, under a condition."""
        applies: Applies = "if" if self.applies == "always" and condition is not None else self.applies
        return Part(schema, path, applies, every(self.show, condition), every(self.asks, condition))

    def perhaps(self, schema: Schema, path: frozenset[str]) -> Part:
        """Return a part of this part, under a condition that cannot be said."""
        return replace(self, schema=schema, path=path, applies="perhaps")


@dataclass(frozen=True)
class Choice:
    """A field beside the document: the choice of an alternative of a union."""

    name: str
    options: tuple[Any, ...]
    show: Data | None


@dataclass
class Gathered:
    """The parts of one object, joined."""

    members: dict[str, list[Part]] = field(default_factory=dict)
    required: dict[str, list[Data | None]] = field(default_factory=dict)
    choices: list[Choice] = field(default_factory=list)
    rest: list[dict[str, Any]] = field(default_factory=list)
    """The words of the parts that describe other members."""


class Alternative(NamedTuple):
    """One alternative of a union."""

    schema: Schema
    view: View


class Gatherer:
    """Gathers the parts of one document's objects."""

    def __init__(self, schemas: Schemas, views: Views, truth: Truth) -> None:
        self._schemas = schemas
        self._views = views
        self._truth = truth

    def of(self, parts: Iterable[Part], group: str) -> Gathered:
        """Return the parts, joined, of the object with a group's key.

        Raises:
            RecursiveError: the object contains itself.
            TooManyPartsError: there are too many.
        """
        gathering = _Gathering(self._schemas, self._views, self._truth, group)
        for part in parts:
            gathering.take(part)
        found = gathering.found
        for name, conditions in found.required.items():
            if name not in found.members:
                found.members[name] = [Part(True, applies="if", show=some(*conditions))]
        return found


class _Gathering:
    """Gathers the parts of one object."""

    def __init__(self, schemas: Schemas, views: Views, truth: Truth, group: str) -> None:
        self.found = Gathered()
        self._schemas = schemas
        self._views = views
        self._truth = truth
        self._group = group
        self._members: dict[str, tuple[int, View]] = {}

    def take(self, part: Part, *, without: str | None = None) -> None:
        """Take a part, and the parts within it; `without` is a member told elsewhere."""
        view = self._views.of(part.schema, part.path)
        words = view.words
        for name, schema in words.get("properties", {}).items():
            if name != without and schema is not False:
                self.found.members.setdefault(name, []).append(replace(part, schema=schema, path=view.path))
        if part.applies != "perhaps":
            self._require(words, part, without)
        if part.applies == "always" and _says_more(words):
            self.found.rest.append(words)
        for inner in self._conditional(view, part):
            self.take(inner, without=without)
        for union in view.unions:
            self._take_union(union, part, view.path)

    def _require(self, words: Mapping[str, Any], part: Part, without: str | None) -> None:
        for name in words.get("required", ()):
            if name != without:
                self._ask_for(name, part.asks)
        for name, needs in words.get("dependentRequired", {}).items():
            for needed in needs if isinstance(needs, list) else ():
                if needed != name:
                    self._ask_for(needed, every(part.asks, self._present(name)))

    def _ask_for(self, name: str, condition: Data | None) -> None:
        self.found.required.setdefault(name, []).append(condition)

    def _key(self, name: str) -> str:
        return joined(self._group, escaped(name))

    def _present(self, name: str) -> Data:
        return presence(self._key(name), self._member(name))

    def _member(self, name: str) -> View:
        """Return the view of a member by what always applies to it, as far as its parts are known."""
        certain = [part for part in self.found.members.get(name, ()) if part.applies == "always"]
        known, view = self._members.get(name, (0, View({})))
        if len(certain) > known:
            view = self._views.or_any(*described(certain))
            self._members[name] = len(certain), view
        return view

    def _conditional(self, view: View, part: Part) -> Iterator[Part]:
        for name, schema in view.words.get("dependentSchemas", {}).items():
            yield part.under(self._present(name), schema, view.path)
        for test, then, otherwise in view.conditionals:
            try:
                condition = self._truth.of(test, self._group, self._member)
            except UnsaidError:
                yield part.perhaps(then, view.path)
                yield part.perhaps(otherwise, view.path)
            else:
                yield part.under(condition, then, view.path)
                if condition is not None:
                    yield part.under(negated(condition), otherwise, view.path)

    # Unions

    def _take_union(self, union: Union, part: Part, path: frozenset[str]) -> None:
        alternatives = [Alternative(schema, self._views.of(schema, path)) for schema in union.alternatives]
        if not any(_has_members(one.view) for one in alternatives) or any(
            self._views.kind(one.view) not in ("object", "any") for one in alternatives
        ):
            return
        part = replace(part, path=path)
        if len(alternatives) > ALTERNATIVES:
            for one in alternatives:
                self.take(part.perhaps(one.schema, path))
            return
        name = self._discriminator(union, alternatives)
        if name is not None:
            self._tell_apart(name, union, alternatives, part)
        else:
            self._choose(alternatives, part)

    def _tell_apart(self, name: str, union: Union, alternatives: Sequence[Alternative], part: Part) -> None:
        """Let a member that has other constants in each alternative decide."""
        options: list[Schema] = []
        self.found.members.setdefault(name, []).append(replace(part, schema={"oneOf": options}))
        for one in alternatives:
            values = self._values(name, union, one)
            title = one.view.words.get("title")
            options += [{"const": value, **({"title": title} if title else {})} for value in values]
            self.take(part.under({"key": self._key(name), "in": values}, one.schema, part.path), without=name)
        asked = union.discriminator is not None or all(_requires(one, name) for one in alternatives)
        if asked and part.applies != "perhaps":
            self._ask_for(name, part.asks)

    def _choose(self, alternatives: Sequence[Alternative], part: Part) -> None:
        """Let a field of its own decide, if it is filled. A member required by all alternatives is required anyway."""
        known = frozenset(self.found.members)
        name = self._schemas.free_name("@kind", [choice.name for choice in self.found.choices])
        options = _labelled(alternatives)
        self.found.choices.append(Choice(name, tuple(options), part.show))
        free = negated({"filled": self._key(name)})
        for option, one in zip(options, alternatives, strict=True):
            chosen: Data = {"key": self._key(name), "in": [option]}
            inner = part.under(None, one.schema, part.path)
            self.take(
                replace(
                    inner,
                    applies="perhaps" if part.applies == "perhaps" else "if",
                    show=every(part.show, some(free, chosen)),
                    asks=every(part.asks, some(chosen, every(free, self._begun(one, alternatives, known)))),
                )
            )
        for required in alternatives[0].view.words.get("required", ()) if part.applies != "perhaps" else ():
            if all(_requires(one, required) for one in alternatives):
                self._ask_for(required, part.asks)

    def _begun(self, one: Alternative, alternatives: Sequence[Alternative], known: frozenset[str]) -> Data:
        """Return when this alternative is under way and no other is: then it is asked to be completed.

        Members that it alone has are filled, none that only others have is, and of each other something that it
        requires is empty: an alternative that is complete asks nothing of the form.

        Args:
            one: the alternative.
            alternatives: the union's.
            known: names of the members that the object has in any case; they are a sign of none.
        """
        counts = Counter(name for other in alternatives for name in other.view.words.get("properties", {}))
        alone = [name for name, count in counts.items() if count == 1 and name not in known]
        required = [other.view.words.get("required", ()) for other in alternatives if other is not one]
        if len(alone) + sum(map(len, required)) > SIGNS:
            return NEVER
        mine = one.view.words.get("properties", {})
        own, others = (
            [{"filled": self._key(name)} for name in alone if (name in mine) is wanted] for wanted in (True, False)
        )
        lacking = ({"any": [negated({"filled": self._key(name)}) for name in names]} for names in required)
        return every({"any": own}, negated({"any": others}), *lacking) or NEVER

    def _discriminator(self, union: Union, alternatives: Sequence[Alternative]) -> str | None:
        told = (union.discriminator or {}).get("propertyName")
        first = alternatives[0].view
        names = [told] if isinstance(told, str) else list(first.words.get("properties", {}))
        for inner in first.unions:
            names += self._views.of(inner.alternatives[0], first.path).words.get("properties", {})
        for name in names:
            values = [
                identity(value) for one in alternatives for value in self._values(name, union, one) or [None, None]
            ]
            if len(set(values)) == len(values):
                return name
        return None

    def _values(self, name: str, union: Union, one: Alternative) -> list[Any]:
        """Return the constants of a member in one alternative; none if it may be anything."""
        view = one.view
        if name in view.words.get("properties", {}):
            member = self._views.of(view.words["properties"][name], view.path)
            deeper = [schema for inner in member.unions for schema in inner.alternatives]
            views = [member, *(self._views.of(schema, member.path) for schema in deeper)]
            values = [value for found in views for value in constants(found)]
            if values:
                return values
        elif view.unions:
            deeper = list(view.unions[0].alternatives)
            inside = [Alternative(schema, self._views.of(schema, view.path)) for schema in deeper]
            return [value for inner_one in inside for value in self._values(name, union, inner_one)]
        return _mapped(union, one.schema) if union.discriminator else []


def described(parts: Sequence[Part]) -> tuple[Schema, frozenset[str]]:
    """Return the schema of a member, by what always applies or else by any of its parts, and the path to it."""
    certain = [part for part in parts if part.applies == "always"]
    return all_of(certain) if certain else _any_of(parts), _path(certain or parts)


def all_of(parts: Sequence[Part]) -> Schema:
    """Return the schema of all parts at once."""
    if len(parts) == 1:
        return parts[0].schema
    return {"allOf": [part.schema for part in parts]} if parts else True


def _any_of(parts: Sequence[Part]) -> Schema:
    schemas = []
    for part in parts:
        if part.schema not in schemas:
            schemas.append(part.schema)
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _path(parts: Sequence[Part]) -> frozenset[str]:
    return frozenset().union(*(part.path for part in parts))


def _requires(one: Alternative, name: str) -> bool:
    return name in one.view.words.get("required", ())


def _mapped(union: Union, schema: Schema) -> list[Any]:
    """Return the names that OpenAPI gives an alternative: mapped to it, or else its own."""
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    if reference is None or union.discriminator is None:
        return []
    mapping = union.discriminator.get("mapping")
    pairs = mapping.items() if isinstance(mapping, Mapping) else ()
    return [value for value, target in pairs if str(target).rpartition("/")[2] == reference] or [reference]


def _has_members(view: View) -> bool:
    return bool(view.words.get("properties") or view.unions or view.conditionals)


def _says_more(words: Mapping[str, Any]) -> bool:
    """Whether a schema describes members that it does not name."""
    return bool(words.get("patternProperties")) or bool(
        words.get("additionalProperties") and words["additionalProperties"] is not True
    )


def _labelled(alternatives: Sequence[Alternative]) -> list[str]:
    """Return a name for each alternative: its title, else that of its reference, else its number."""
    names: list[str] = []
    for number, (schema, view) in enumerate(alternatives, 1):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        name = str(view.words.get("title") or reference or number)
        names.append(name if name not in names else f"{name} ({number})")
    return names
