"""Requests within the limits that are made to be expensive, drawn from a seeded generator and varied step by step."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from handshake_prompt.protocol.limits import Limits

CHARACTERS = {
    "ASCII": "a",
    "quotation marks": '"',
    "backslashes": "\\",
    "backslash, é": "\\é",
    "control": "\x01",
    "DEL": "\x7f",
    "é": "é",
    "éa": "éa",
    "CJK": "語",
    "emoji": "🙂",
    "emoji, a": "🙂a",
    "invisible": "\u200b",
    "invisible, a": "\u200ba",
    "no-break space, a": "\u00a0a",
    "private": "".join(map(chr, range(0xE000, 0xF8FF))),
    "tags": "<",
    "tag, a": "<a",
    "backticks": "`",
    "commas": ",",
}

Fill = Callable[[str, int], Any]
"""A value of so many bytes of JSON, made of the given characters."""


def size_of(value: Any) -> int:
    """Return the bytes of a value's JSON in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def text(chars: str, size: int) -> str:
    each = size_of(chars) - 2
    return (chars * (1 + size // each))[: (size - 2) * len(chars) // each]


def _many(one: Any) -> Fill:
    return lambda _, size: [one] * ((size - 2) // (size_of(one) + 1))


SHAPES: dict[str, Fill] = {
    "text": text,
    "texts": lambda chars, size: [chars[:8]] * ((size - 2) // (size_of(chars[:8]) + 1)),
    "long texts": lambda chars, size: [text(chars, 200)] * (size // 210),
    "members": lambda chars, size: {f"{chars[:4]}{n}": n for n in range(size // (size_of(chars[:4]) + 12))},
    "empty lists": _many([]),
    "empty objects": _many({}),
    "lists of one": _many([0]),
    "objects of one": _many({"a": 0}),
    "deep lists": _many([[[[[[[[[[[[0]]]]]]]]]]]]),
    "numbers": _many(1.5),
    "integers": _many(7),
    "nulls": _many(None),
    "empty texts": _many(""),
}
TYPED: dict[str, tuple[dict[str, Any], Any]] = {
    "email": ({"type": "email"}, "a@b.c"),
    "long email": ({"type": "email"}, "a." * 60 + "a@" + "b." * 60 + "c"),
    "no email": ({"type": "email"}, "a." * 120 + "@"),
    "url": ({"type": "url"}, "http://a.b"),
    "IPv6 url": ({"type": "url"}, "http://[1:2::8]:1"),
    "no url": ({"type": "url"}, "http://[1:2:3:4:5:6:7::8:9]"),
    "date": ({"type": "date", "min": "0001-01-01"}, "2026-01-01"),
    "no date": ({"type": "date"}, "2026-02-30"),
    "datetime": ({"type": "datetime", "max": "9999-12-31T00:00Z"}, "2026-01-01T10:00:00.5+01:00"),
    "week": ({"type": "week"}, "2026-W01"),
    "enum": ({"type": "enum", "options": [*range(500), "a"]}, "a"),
    "integer": ({"type": "integer", "min": 0, "max": 9}, 5),
    "pattern": ({"pattern": r"[\w.]+@[\w.]+"}, "a@b"),
    "wide pattern": ({"pattern": "[ab]*a[ab]{900}"}, "ab" * 300),
    "letters": ({"pattern": r"\p{L}[\p{L} '-]*"}, "éa"),
    "long text": ({"pattern": r"(?s).*\S.*", "maxLength": 32_000}, "a é" * 500),
}
PATTERNS: dict[str, Callable[[int], str]] = {
    "none": lambda _: "",
    "letters": lambda n: rf"(?i)x{n}\pL",
    "counts": lambda n: f"a{{1,1000}}b{n}" * 30,
    "classes": lambda n: rf"(?i)\PL{n}" * 60,
    "alternatives": lambda n: f"{n}" + "(a|" * 80 + ")" * 80,
    "tiny": lambda n: f"{n}?",
}


@dataclass(frozen=True)
class Recipe:
    """What a session and one request to it are made of; all sizes are shares of what the limits allow."""

    endpoint: str
    role: str
    chars: str
    shape: str
    typed: str
    pattern: str
    fields: int
    """In the schema."""
    options: int
    """Of each field."""
    values: int
    """That the session holds, together as much as it may."""
    actions: int
    """Of the request, together as much as a body may be."""
    extras: int
    """Further members of each field."""
    edits: int
    """Values of the person's, each as large as one of the others."""
    watched: bool
    """Whether a page and an agent watch the session."""
    share: float = 1.0
    """Of the bytes there is room for: of small parts, fewer fill a body."""

    def __str__(self) -> str:
        return (
            f"{self.role} {self.endpoint}: {self.chars} {self.shape}, {self.fields} fields of {self.typed} with "
            f"{self.options} options, {self.extras} extras, pattern {self.pattern}, {self.values} values, "
            f"{self.edits} edits, {self.actions} actions{', watched' if self.watched else ''}, {self.share:.0%} full"
        )


LARGE = Recipe(
    endpoint="json",
    role="agent",
    chars="éa",
    shape="text",
    typed="email",
    pattern="none",
    fields=0,
    options=0,
    values=15,
    actions=8,
    extras=0,
    edits=0,
    watched=False,
)
"""A session with a few large values."""

ENDPOINTS = ("create", "json", "markdown", "action", "list", "notify", "diff", "stream", "extend", "rotate")
CHOICES: Mapping[str, tuple[Any, ...]] = {
    "endpoint": ENDPOINTS,
    "role": ("agent", "user"),
    "chars": tuple(CHARACTERS),
    "shape": tuple(SHAPES),
    "typed": tuple(TYPED),
    "pattern": tuple(PATTERNS),
    "fields": (0, 1, 7, 8, 60, 200, 500),
    "options": (0, 1, 20, 400),
    "values": (0, 1, 7, 15, 100, 500),
    "actions": (1, 7, 8, 60, 200),
    "extras": (0, 3, 10, 100),
    "edits": (0, 1, 15),
    "watched": (False, True),
    "share": (1.0, 0.6, 0.3, 0.15, 0.07),
}


def drawn(rng: random.Random) -> Recipe:
    return Recipe(**{name: rng.choice(choices) for name, choices in CHOICES.items()})


def varied(recipe: Recipe, rng: random.Random) -> Recipe:
    """Return a recipe that differs in one or two things."""
    names = rng.sample(list(CHOICES), rng.choice((1, 1, 2)))
    return replace(recipe, **{name: rng.choice(CHOICES[name]) for name in names})


def schema_of(recipe: Recipe, limits: Limits, *, room: int) -> list[dict[str, Any]]:
    """Return a schema of at most so many bytes: plain fields `k0` on, and `list`, a field of typed values."""
    if not recipe.fields:
        return []
    members, _ = TYPED[recipe.typed]
    schema: list[dict[str, Any]] = [{"key": "list", "multiple": True, **members}]
    room = int((room - size_of(schema)) * recipe.share)
    make, most = PATTERNS[recipe.pattern], min(limits.value_bytes - 1, room // recipe.fields)
    for number in range(recipe.fields):
        field: dict[str, Any] = {"key": f"k{number}", "type": "enum" if recipe.options else "x"}
        if pattern := make(number)[: limits.pattern_chars]:
            field = {"key": f"k{number}", "type": "x", "pattern": pattern}
        elif recipe.options:
            field["options"] = [{"value": n, "label": CHARACTERS[recipe.chars][:8]} for n in range(recipe.options)]
        field |= {f"maxlengt{n}": n for n in range(recipe.extras)}
        left = min(most, room) - size_of(field) - 20
        if left > 40:
            field["extra"] = SHAPES[recipe.shape](CHARACTERS[recipe.chars], left)
        room -= size_of(field) + 1
        if room < 0:
            break
        schema.append(field)
    return schema


def values_of(recipe: Recipe, count: int, room: int, limits: Limits) -> dict[str, Any]:
    """Return so many values that take at most so many bytes together."""
    most = min(limits.value_bytes - 1, int(room * recipe.share) // count - 60) if count else 0
    if most < 4:
        return {}
    value = SHAPES[recipe.shape](CHARACTERS[recipe.chars], most)
    return {f"k{number}": value for number in range(count)}


def typed_values(recipe: Recipe, room: int, limits: Limits) -> list[list[Any]]:
    """Return lists of typed values, each as long as a value may be, that take at most so many bytes together."""
    _, value = TYPED[recipe.typed]
    each, parts = size_of(value) + 1, limits.body_parts - limits.actions
    lists: list[list[Any]] = []
    while room > each + 100 and parts > 0 and len(lists) < limits.actions:
        length = min(parts, min(limits.value_bytes - 100, room - 100) // each)
        lists.append([value] * length)
        room -= length * each + 60
        parts -= length
    return lists
