"""Dialects of JSON Schema, read as one: any draft in, the keywords of 2020-12 out, references within one table.

The conversion of a form needs a part of JSON Schema alone. Other keywords are left out: they are the business of the
validator, with the document as it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from handshake_prompt.forms.numbers import carried, is_finite

Schema = dict[str, Any] | bool
"""A canonical schema: every `$ref` in it is a name of `Schemas.targets`."""

NODES = 20_000
"""Schemas read of one document; beyond them anything is allowed."""
DEPTH = 64

_ONE = ("additionalProperties", "propertyNames", "not", "if", "then", "else", "contains")
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas")
_ANNOTATIONS = ("title", "description", "default", "examples", "readOnly", "writeOnly")
_PLAIN: dict[str, tuple[type, ...]] = {
    "enum": (list,),
    "required": (list,),
    "minLength": (int, float),
    "maxLength": (int, float),
    "pattern": (str,),
    "format": (str,),
    "minimum": (int, float),
    "maximum": (int, float),
    "exclusiveMinimum": (int, float),
    "exclusiveMaximum": (int, float),
    "multipleOf": (int, float),
    "minItems": (int, float),
    "maxItems": (int, float),
    "uniqueItems": (bool,),
    "minContains": (int, float),
    "maxContains": (int, float),
    "minProperties": (int, float),
    "maxProperties": (int, float),
    "dependentRequired": (dict,),
    "enumNames": (list,),
    "discriminator": (dict,),
    "title": (str,),
    "description": (str,),
    "examples": (list,),
    "readOnly": (bool,),
    "writeOnly": (bool,),
}
"""Keywords without schemas in them, by the type they have to have to be read."""
_NOWHERE = "__proto__"
"""A name that no value on the wire has."""
_ANY = frozenset({"const", "default"})
_UNREAD = object()
_LEFT_OUT = frozenset({"unevaluatedProperties", "unevaluatedItems"})
_DATA = frozenset({"enum", "const", "default", "examples", "example"})
_OLD = ("draft-03", "draft-04", "draft-05", "draft-06", "draft-07")


@dataclass
class Schemas:
    """A document in canonical form."""

    root: Schema
    targets: dict[str, Schema] = field(default_factory=dict)
    """Targets of references, by name; the whole document is `root`."""
    unresolved: set[str] = field(default_factory=set)
    """References that lead out of the document."""
    names: set[str] = field(default_factory=set)
    """Names of members, wherever they stand."""
    is_partial: bool = False
    """Whether something that restricts values is left out."""

    def free_name(self, stem: str, taken: Collection[str] = ()) -> str:
        """Return a name for a field beside the document's members: the stem, with a number if it has to be."""
        names = (f"{stem}{number}" if number > 1 else stem for number in count(1))
        return next(name for name in names if name not in self.names and name not in taken)


def canonical(document: Mapping[str, Any]) -> Schemas:
    """Read a document of any draft."""
    return _Reader(document).read()


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._base = _id_of(document) or ""
        self._is_old = any(draft in str(document.get("$schema", "")) for draft in _OLD)
        self._resources = dict(_resources(document))
        self._names: dict[str, str] = {}
        self._pending: list[tuple[str, Any, str]] = []
        self._room = NODES
        self._schemas = Schemas(True)

    def read(self) -> Schemas:
        self._names[self._base + "#"] = "root"
        self._schemas.root = self._schema(self._document, self._base, DEPTH)
        self._schemas.targets["root"] = self._schemas.root
        while self._pending:
            name, found, base = self._pending.pop()
            self._schemas.targets[name] = self._schema(found, base, DEPTH)
        return self._schemas

    def _schema(self, schema: Any, base: str, levels: int) -> Schema:
        self._room -= 1
        if not isinstance(schema, Mapping):
            return schema if isinstance(schema, bool) else True
        if self._room < 0 or not levels:
            self._schemas.is_partial = True
            return True
        if not _LEFT_OUT.isdisjoint(schema):
            self._schemas.is_partial = True
        if schema is not self._document:
            base = urljoin(base, _id_of(schema) or "")
        read: dict[str, Any] = {}

        def inner(part: Any) -> Schema:
            return self._schema(part, base, levels - 1)

        for word, value in schema.items():
            found = _read(word, value, inner)
            if found is not _UNREAD:
                read[word] = found
        _read_older(schema, read, inner)
        self._read_reference(schema, read, base)
        self._schemas.names.update(_names_in(read))
        return read

    def _read_reference(self, schema: Mapping[str, Any], read: dict[str, Any], base: str) -> None:
        reference = next((schema[word] for word in ("$ref", "$dynamicRef", "$recursiveRef") if word in schema), None)
        if not isinstance(reference, str):
            return
        if self._is_old:  # there a reference stands alone
            for word in read.keys() - set(_ANNOTATIONS):
                del read[word]
        name = self._name(urljoin(base, reference) if base or not reference.startswith("#") else reference)
        if name is None:
            self._schemas.unresolved.add(reference)
            self._schemas.is_partial = True
        else:
            read["$ref"] = name

    def _name(self, reference: str) -> str | None:
        """Return the name of a reference's target, None if it is not there."""
        place, fragment = urldefrag(reference)
        whole = f"{place}#{fragment}"
        if whole not in self._names:
            found = self._found(place, fragment)
            if found is None:
                return None
            stem = unquote(fragment.rpartition("/")[2]) or place.rpartition("/")[2] or "schema"
            self._names[whole] = name = self._free(stem)
            self._pending.append((name, found, place))
        return self._names[whole]

    def _free(self, stem: str) -> str:
        taken = set(self._names.values())
        return next(name for name in _numbered(stem) if name not in taken)

    def _found(self, place: str, fragment: str) -> Any:
        if place not in self._resources and place not in ("", self._base):
            specification = _specification(place)
            if specification is None:
                return None
            self._resources.update(_resources(specification, place))
            self._resources.setdefault(place, specification)
        resource = self._resources.get(place, self._document)
        if fragment and not fragment.startswith("/"):
            return self._resources.get(f"{place}#{fragment}")
        return _at(resource, fragment)


def _read(word: str, value: Any, inner: Callable[[Any], Schema]) -> Any:
    """Return the value of a keyword that all drafts have, or `_UNREAD`."""
    if word in _ONE:
        return inner(value)
    if word in _MANY:
        return [inner(part) for part in value] if isinstance(value, list) else _UNREAD
    if word in _NAMED:
        is_named = isinstance(value, Mapping)
        return {str(name): inner(part) for name, part in value.items() if name != _NOWHERE} if is_named else _UNREAD
    if word == "type":
        types = value if isinstance(value, list) else [value]
        return [name for name in types if isinstance(name, str)] or _UNREAD
    if word not in _ANY and not _is_a(value, _PLAIN.get(word, ())):
        return _UNREAD
    if word == "enum":
        value = list(filter(is_finite, value))
    return carried(value) if is_finite(value) else _UNREAD


def _read_older(schema: Mapping[str, Any], read: dict[str, Any], inner: Callable[[Any], Schema]) -> None:
    """Bring keywords of earlier drafts, and of OpenAPI 3.0, into the form of 2020-12."""
    if schema.get("nullable") is True and "type" in read:
        read["type"] = [*dict.fromkeys([*read["type"], "null"])]
    items = schema.get("items")
    if isinstance(items, list):
        read["prefixItems"] = [inner(part) for part in items]
        if "additionalItems" in schema:
            read["items"] = inner(schema["additionalItems"])
    elif items is not None:
        read["items"] = inner(items)
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if schema.get(exclusive) is True and bound in read:
            read[exclusive] = read.pop(bound)
    dependencies = schema.get("dependencies")
    for name, needs in dependencies.items() if isinstance(dependencies, Mapping) else ():
        word, part = ("dependentRequired", needs) if isinstance(needs, list) else ("dependentSchemas", inner(needs))
        read[word] = {**read.get(word, {}), name: part}


def _names_in(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from schema.get("properties", ())
    for needs in (schema.get("required"), *schema.get("dependentRequired", {}).values()):
        yield from (name for name in needs if isinstance(name, str)) if isinstance(needs, list) else ()


def _resources(document: Mapping[str, Any], base: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the parts of a document with an address of their own: by `$id`, and by `$anchor` within one."""
    pending: list[tuple[Any, str]] = [(document, base)]
    room = NODES * 10
    while pending and room:
        part, base = pending.pop()
        room -= 1
        if isinstance(part, list):
            pending += [(child, base) for child in part]
        if not isinstance(part, Mapping):
            continue
        name = _id_of(part)
        if name is not None:
            base = urldefrag(urljoin(base, name))[0]
            yield base, part
        for word in ("$anchor", "$dynamicAnchor"):
            if isinstance(part.get(word), str):
                yield f"{base}#{part[word]}", part
        pending += [(child, base) for word, child in part.items() if word not in _DATA]


def _id_of(schema: Mapping[str, Any]) -> str | None:
    name = schema.get("$id", schema.get("id"))
    return urldefrag(name)[0] if isinstance(name, str) and not name.startswith("#") else None


def _specification(place: str) -> Any:
    """Return one of the metaschemas, if the package with them is there."""
    if not place.startswith(("https://json-schema.org/", "http://json-schema.org/")):
        return None
    try:
        from jsonschema_specifications import REGISTRY  # noqa: PLC0415 - a part of the extra `forms`
    except ImportError:
        return None
    resource = REGISTRY.get(place) or REGISTRY.get(f"{place}#")
    return resource.contents if resource is not None else None


def _at(resource: Any, pointer: str) -> Any:
    """Return the target of a JSON Pointer, None if it leads nowhere."""
    for segment in unquote(pointer).split("/")[1:]:
        name = segment.replace("~1", "/").replace("~0", "~")
        if isinstance(resource, Mapping) and name in resource:
            resource = resource[name]
        elif isinstance(resource, list) and name.isdecimal() and int(name) < len(resource):
            resource = resource[int(name)]
        else:
            return None
    return resource


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


def _is_a(value: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
