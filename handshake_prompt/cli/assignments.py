"""Batch of actions from the options of `action`: rows to remove, move and add, `--data`, `--set` and `--set-text`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import click

from .text_files import STANDARD_INPUT, NotTextError, decode_text

FIRST = "first"
"""In `--move ROW=first`: the place in front of all other rows."""


class RowOptions(NamedTuple):
    """Options about rows: `LIST` or `LIST={...}` to add, `LIST/ROW` to remove, `LIST/ROW=ROW` to move."""

    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    move: Sequence[str] = ()


NO_ROWS = RowOptions()


@dataclass(frozen=True)
class Assignments:
    """Values to write, some of which wait for the schema to decide their type.

    Args:
        data: complete actions, also on rows.
        untyped: by key, text from `--set`.
        texts: by key, text from `--set-text`.
        kind: the type of the actions that write them.
        about: members of them that the person is told.
    """

    data: Sequence[Mapping[str, Any]]
    untyped: Mapping[str, str]
    texts: Mapping[str, str]
    kind: str = "set"
    about: Mapping[str, Any] = field(default_factory=dict)

    def told(self, kind: str = "set", **about: Any) -> Assignments:
        """Return the same values for another type of action, with words to the person about each."""
        return replace(self, kind=kind, about={name: text for name, text in about.items() if text is not None})

    def actions(self, context: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return the batch.

        Args:
            context: a reply to `GET /context`, for its schema; read it if there is `untyped` text.
        """
        from handshake_prompt.forms.typed_text import field_of, typed_value  # noqa: PLC0415 (takes time to load)

        schema = context.get("schema")
        values = {key: typed_value(text, field_of(schema, key)) for key, text in self.untyped.items()}
        actions = [*_sets(values), *_sets(self.texts)]
        return [*self.data, *({**action, "type": self.kind, **self.about} for action in actions)]


def assignments_of(
    assigned: Sequence[str],
    texts: Sequence[str],
    data: str | None,
    *,
    rows: RowOptions = NO_ROWS,
    may_read_input: bool = True,
) -> Assignments:
    """Return the values that the options of `action` name.

    Args:
        assigned: `KEY=VALUE`, the value in the type of the field.
        texts: `KEY=TEXT`.
        data: JSON, `@` and the name of a file with it, or `-` for standard input.
        rows: to remove, to move and to add.
        may_read_input: whether standard input is still to be read.

    Raises:
        click.UsageError: there is nothing to write, a field twice, or something that cannot be read.
    """
    untyped, typed = dict(map(_split, assigned)), dict(map(_split, texts))
    if len(untyped | typed) < len(assigned) + len(texts):
        raise click.UsageError("A field is named twice by --set and --set-text.")
    found = Assignments([*_row_actions(rows), *_actions_in(data, may_read_input=may_read_input)], untyped, typed)
    if not (found.data or untyped or typed):
        raise click.UsageError("Nothing to write: give --set KEY=VALUE, --set-text KEY=TEXT, --add or --data JSON.")
    try:
        json.dumps([found.data, untyped, typed], ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise click.UsageError("The values must be valid Unicode text.") from None
    return found


def _row_actions(rows: RowOptions) -> Iterator[Mapping[str, Any]]:
    """Yield the actions on rows: removals first, to make room for additions."""
    yield from ({"type": "remove", "key": key} for key in rows.remove)
    for pair in rows.move:
        key, after = _split(pair)
        yield {"type": "move", "key": key, "after": None if after == FIRST else after}
    for pair in rows.add:
        key, equals, values = pair.partition("=")
        yield {"type": "add", "key": key, **({"value": _row_values(pair, values)} if equals else {})}


def _row_values(pair: str, text: str) -> dict[str, Any]:
    from handshake_prompt.forms.typed_text import json_or_text  # noqa: PLC0415 (as above)

    values = json_or_text(text)
    if not isinstance(values, dict):
        raise click.UsageError(f"{pair!r} is not LIST={{...}} with the row's values by key as JSON.")
    return values


def _actions_in(data: str | None, *, may_read_input: bool) -> Sequence[Mapping[str, Any]]:
    if data is None:
        return []
    from handshake_prompt.forms.typed_text import strict_json  # noqa: PLC0415 (as above)

    try:
        content = strict_json(_data_text(data, may_read_input=may_read_input))
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"--data is not valid JSON: {error}.") from None
    if isinstance(content, dict):
        return _sets(content)
    if isinstance(content, list) and all(isinstance(one, dict) for one in content):
        return content
    raise click.UsageError("--data must be a JSON object of values by key, or a list of actions.")


def _data_text(data: str, *, may_read_input: bool) -> str:
    if data == STANDARD_INPUT:
        if not may_read_input:
            raise click.UsageError("Standard input cannot be both the prompt and the data: name a file for one.")
        return _decoded(sys.stdin.buffer.read(), "standard input")
    if not data.startswith("@"):
        return data
    try:
        return _decoded(Path(data[1:]).read_bytes(), repr(data[1:]))
    except OSError as error:
        raise click.UsageError(f"Cannot read the data from {data[1:]!r}: {error.strerror or error}.") from None


def _decoded(raw: bytes, source: str) -> str:
    try:
        return decode_text(raw)
    except NotTextError as error:
        raise click.UsageError(f"Cannot read the data from {source}: {error}.") from None


def _sets(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "set", "key": key, "value": value} for key, value in values.items()]


def _split(pair: str) -> tuple[str, str]:
    key, equals, value = pair.partition("=")
    if not key or not equals:
        raise click.UsageError(f"{pair!r} is not KEY=VALUE.")
    return key, value
