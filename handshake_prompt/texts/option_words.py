"""Options of a field in words: values with their labels, by group and by the condition under which they are offered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from .condition_words import condition_words
from .quoting import quote


def option_words(options: Sequence[object], most: int) -> str:
    """Return options such as `"a" ("Apple"), "b"`; a disabled one is left out, since it cannot be chosen.

    Args:
        options: of a schema's entry.
        most: options to show; of more the number is told.
    """
    usable = [option for option in options if not (isinstance(option, Mapping) and option.get("disabled") is True)]
    shown = "; ".join(_words_of_run(header, list(run)) for header, run in groupby(usable[:most], _common_header))
    return f"{shown}, … ({len(usable)} in all)" if len(usable) > most else shown


def _words_of_run(header: str, options: Sequence[object]) -> str:
    listed = ", ".join(map(_words_of_option, options))
    return f"{header}: {listed}" if header else listed


def _common_header(option: object) -> str:
    """Return the common part of consecutive options: their group, and the condition of the offer."""
    if not isinstance(option, Mapping):
        return ""
    group, when = option.get("group"), option.get("when")
    parts = [*([quote(group)] if group else []), *([f"if {condition_words(when)}"] if when is not None else [])]
    return " ".join(parts)


def _words_of_option(option: object) -> str:
    if not isinstance(option, Mapping) or "value" not in option:
        return quote(option)
    words = list(_words_of_parts(option))
    return f"{quote(option['value'])} ({', '.join(words)})" if words else quote(option["value"])


def _words_of_parts(option: Mapping[str, Any]) -> Iterator[str]:
    yield from (
        quote(option[name]) for name in ("label", "desc") if option.get(name) and option[name] != option["value"]
    )
    if option.get("exclusive") is True:
        yield "alone"
