"""What `action` is asked to write: the values of its options, as actions."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from .session_options import STANDARD_INPUT


def actions_of(
    assigned: Sequence[str], texts: Sequence[str], data: str | None, *, may_read_input: bool = True
) -> list[dict[str, Any]]:
    """Return the actions that the options of `action` ask for.

    Args:
        assigned: `KEY=VALUE`, the value as JSON where it is that.
        texts: `KEY=TEXT`.
        data: JSON, or where it is.
        may_read_input: whether standard input holds nothing else.

    Raises:
        click.UsageError: there is nothing to write, a field twice, or something that cannot be read.
    """
    pairs = [*((*_split(one), True) for one in assigned), *((*_split(one), False) for one in texts)]
    values = {key: _json_or_text(text) if as_json else text for key, text, as_json in pairs}
    if len(values) < len(pairs):
        raise click.UsageError("A field is named twice by --set and --set-text.")
    actions = [*_actions_in(data, may_read_input=may_read_input), *_sets(values)]
    if not actions:
        raise click.UsageError("Nothing to write: give --set KEY=VALUE, --set-text KEY=TEXT or --data JSON.")
    try:
        json.dumps(actions, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise click.UsageError("The values must be valid Unicode text.") from None
    return actions


def _actions_in(data: str | None, *, may_read_input: bool) -> Iterator[dict[str, Any]]:
    if data is None:
        return
    try:
        content = _strict_json(_data_text(data, may_read_input=may_read_input))
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"--data is not valid JSON: {error}.") from None
    if isinstance(content, dict):
        yield from _sets(content)
    elif isinstance(content, list) and all(isinstance(one, dict) for one in content):
        yield from content
    else:
        raise click.UsageError("--data must be a JSON object of values by key, or a list of actions.")


def _data_text(data: str, *, may_read_input: bool) -> str:
    if data == STANDARD_INPUT:
        if not may_read_input:
            raise click.UsageError("Standard input cannot be both the prompt and the data: name a file for one.")
        return sys.stdin.buffer.read().decode()
    if not data.startswith("@"):
        return data
    try:
        return Path(data[1:]).read_text("utf-8")
    except OSError as error:
        raise click.UsageError(f"Cannot read the data from {data[1:]!r}: {error.strerror or error}.") from None


def _sets(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "set", "key": key, "value": value} for key, value in values.items()]


def _split(pair: str) -> tuple[str, str]:
    key, equals, value = pair.partition("=")
    if not key or not equals:
        raise click.UsageError(f"{pair!r} is not KEY=VALUE.")
    return key, value


def _json_or_text(text: str) -> Any:
    try:
        return _strict_json(text)
    except (ValueError, RecursionError):
        return text


def _strict_json(text: str) -> Any:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)
