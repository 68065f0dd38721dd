"""Members of an agent's answer: from the JSON object of a block to actions and questions. SPEC.md section 11."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from types import UnionType
from typing import Any

from .answer import ABOUT, CONTENT, NOTES, Answer, Entry, Loose, Noted, is_bare
from .field_names import FieldNames
from .line_values import without_link
from .pasted_text import TextFaultError
from .placed_json import Listed, Members, placed_entries, placed_members, plain_value
from .tool_calls import is_writing, merge_calls, unwrap_call

Note = Callable[[int, str], None]
"""Notes a fault at a place of the text."""

WRAPPERS = frozenset({"handshake", "answer", "block", "data", "output", "response", "result"})
"""Names of an object around the answer."""

_ENTRY_NAMES = ("key", "field", "name", "id", "label")
"""Members that name the field in an entry of a list of values, the first one there counts."""
_ACTIONS = ("set", "add", "remove", "suggest")
_ENTRY_MEMBERS = frozenset({*_ENTRY_NAMES, *NOTES, "type", "value"})
_NOTE_TYPES: dict[str, tuple[type | UnionType, str]] = {
    "source": (str, "text"),
    "reason": (str, "text"),
    "confidence": (int | float, "number from 0 to 1"),
    "ifRev": (int, "whole number"),
    "after": (str | None, "text"),
}
"""Notes, and the place of a new row, which null says to be the first."""
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_PROMPT_CODE = re.compile(r"[0-9]{1,15}-[A-Za-z2-7]{10}")
"""The shape of a prompt's code, as the field of a form would hold it by a rare accident alone."""
_NOT_ESCAPED = re.compile(rf"[<>]|&(?!{_ENTITY.pattern[1:]})")


def is_escaped(source: str) -> bool:
    """Whether all of a text has been escaped for HTML."""
    return _ENTITY.search(source) is not None and _NOT_ESCAPED.search(source) is None


def unwrap_members(members: Members, names: FieldNames) -> Members:
    """Return the object in an object such as `{"handshake": {...}}`, or in a call of a tool; any other as it is.

    Raises:
        TextFaultError: a call cannot be read.
    """
    while (inner := _unwrap_object(members, names) or unwrap_call(members, names)) is not None:
        members = inner
    return _unwrap_entry(members, names) or members


def _unwrap_entry(members: Members, names: FieldNames) -> Members | None:
    """Return the answer that an entry of a list of values is, where it stands alone."""
    key = _entry_name(members)
    if key is None or names.key_of(key) is None or any(names.key_of(name) is not None for name in members):
        return None
    if not members.keys() <= _ENTRY_MEMBERS:  # such as those of a form's entry in a prompt
        return None
    listed, found = Listed(), Members()
    place = next(iter(members.places.values()))
    listed.put_entry(members, place)
    found.put_member("actions" if "type" in members else "fields", listed, place)
    return found


def _unwrap_object(members: Members, names: FieldNames) -> Members | None:
    name, inner = next(iter(members.items())) if len(members) == 1 else ("", None)
    bare = name.strip().lower()
    if bare not in WRAPPERS or not isinstance(inner, Members) or names.key_of(name) or names.has_group(bare):
        return None
    return inner


def listed_answer(listed: Listed, place: int, names: FieldNames, *, in_block: bool) -> Members | None:
    """Return the object that a list stands for: its only object, calls, entries of keys and values, or actions.

    Args:
        listed: the list.
        place: of the list.
        names: of the form's fields.
        in_block: whether it stands in a block of the name; else it has to show that it is an answer.

    Raises:
        TextFaultError: it may be the rows of a list of the form.
    """
    if len(listed) == 1 and isinstance(listed[0], Members) and "key" not in listed[0]:
        return listed[0]
    if (calls := merge_calls(listed, names)) is not None:
        return calls
    is_named = all(_entry_name(one) is not None and "type" not in one for one in listed)
    if not (in_block or (listed and (is_named or all(map(_is_action, listed))))):
        return None
    if listed and is_named and names.are_columns(listed[0]):
        raise TextFaultError("these may be rows of a list; they have to stand under its key", place)
    found = Members()
    found.put_member("fields" if is_named else "actions", listed, place)
    return found


def kind_of_part(found: Members | Listed, names: FieldNames) -> str:
    """Return the kind of objects of which several in a row are one answer; "" if an object is of none."""
    if isinstance(found, Listed) or not found:
        return ""
    if is_writing(found, names):
        return "call"
    if "type" in found and _is_action(found):
        return "action"
    return "entry" if _unwrap_entry(found, names) is not None else ""


def is_answer(members: Members, names: FieldNames) -> bool:
    """Whether an object is an answer: by its members, or as all of them are fields of the form."""
    found = {name.strip().lower() for name in members}
    if found & CONTENT:
        fields = members.get("fields")
        return not isinstance(fields, list) or all(_entry_name(one) is not None for one in fields)
    return bool(members) and all(names.key_of(name) is not None for name in members)


class MemberReader:
    """Reads the members of one object.

    Args:
        source: the object as it stands in the text.
        names: of the form's fields.
        note: told of parts that cannot be read.
        has_hard_spaces: whether the spaces of the block have been made no-break ones, within texts too then.
    """

    def __init__(self, source: str, names: FieldNames, note: Note, *, has_hard_spaces: bool = False) -> None:
        self._names = names
        self._note = note
        self._is_escaped = is_escaped(source)
        self._has_hard_spaces = has_hard_spaces

    def read_answer(self, members: Members, place: int) -> Answer:
        """Return the answer, which begins at a place.

        Raises:
            TextFaultError: it gives two values for one field.
        """
        answer = Answer(place=place)
        others = [name for name, value in members.items() if not self._is_about(name, value)]
        if is_bare(members) and (
            len(others) == len(members) or all(self._names.key_of(name) is not None for name in others)
        ):
            self._fields(answer, members.only_members(others), place)
            members = members.only_members(set(members) - set(others))
        for given, value, at in placed_members(members, place):
            name = given.strip().lower()
            read = getattr(self, f"_{name}", None) if name in CONTENT | ABOUT else None
            if read is None:
                self._note(at, f"an answer has no member {given!r}")
            else:
                read(answer, value, at)
        return answer

    def _is_about(self, name: str, value: Any) -> bool:
        """Whether a member beside fields says which prompt is answered; a form may have a field of that name."""
        if name.strip().lower() not in ABOUT:
            return False
        return self._names.key_of(name) is None or (
            isinstance(value, str) and _PROMPT_CODE.fullmatch(value.strip()) is not None
        )

    def _fields(self, answer: Answer, value: Any, place: int) -> None:
        for one in self._read_entries(value, "fields", place):
            self._set(answer, one)

    def _rows(self, answer: Answer, value: Any, place: int) -> None:
        for one in self._read_entries(value, "rows", place):
            answer.put_value(one.key, self._tidy_value(one.value), one.place)

    def _set(self, answer: Answer, one: Entry) -> None:
        value = self._tidy_value(one.value)
        answer.put_value(one.key, Noted(one.notes, value=value) if one.notes else value, one.place)

    def _add(self, answer: Answer, value: Any, place: int) -> None:
        for one in self._read_entries(value, "add", place):
            rows = placed_entries(one.value, one.place) if isinstance(one.value, list) else [(one.value, one.place)]
            answer.add += [Entry(one.key, self._tidy_value(row), at, one.notes) for row, at in rows]

    def _remove(self, answer: Answer, value: Any, place: int) -> None:
        keys = [*placed_entries(value if isinstance(value, list) else [value], place)]
        if all(isinstance(key, str) for key, _ in keys):
            answer.remove += [Entry(self._names.key_or_name(key), place=at) for key, at in keys]
        else:
            self._note(place, "`remove` lists the keys of rows")

    def _suggest(self, answer: Answer, value: Any, place: int) -> None:
        for one in self._read_entries(value, "suggest", place):
            is_noted = isinstance(value, dict) and isinstance(one.value, dict) and "value" in one.value
            given, notes = (
                (one.value["value"], self._read_notes(one.value, one.place)) if is_noted else (one.value, one.notes)
            )
            answer.suggest.append(Entry(one.key, self._tidy_value(given), one.place, notes))

    def _ask(self, answer: Answer, value: Any, place: int) -> None:
        asked = value if isinstance(value, list) else [value]
        if all(isinstance(one, str) or _has_text(one, "text") for one in asked):
            answer.ask += [
                plain_value(self._tidy_value(one if isinstance(one, dict) else {"text": one})) for one in asked
            ]
        else:
            self._note(place, "`ask` lists questions")

    def _actions(self, answer: Answer, value: Any, place: int) -> None:
        for action, at in placed_entries(value if isinstance(value, list) else [value], place):
            kind = action.get("type", "set") if _has_text(action, "key") else None
            one = self._read_entry(action, at) if kind in _ACTIONS else Entry("")
            if kind == "set":
                self._set(answer, one)
            elif kind == "add":
                answer.add.append(one._replace(value=self._tidy_value(one.value)))
            elif kind == "remove":
                answer.remove.append(one._replace(key=action["key"]))
            elif kind == "suggest":
                answer.suggest.append(one._replace(value=self._tidy_value(one.value)))
            else:
                self._note(at, "`actions` lists objects with `type` (set, add, remove or suggest), `key` and `value`")

    def _code(self, answer: Answer, value: Any, place: int) -> None:
        answer.code = self._text_of(value, place)

    def _sessionid(self, answer: Answer, value: Any, place: int) -> None:
        answer.session_id = self._text_of(value, place)

    def _text_of(self, value: Any, place: int) -> str:
        if isinstance(value, str):
            return value.strip()
        self._note(place, "this member is a text")
        return ""

    def _read_entries(self, value: Any, name: str, place: int) -> Iterator[Entry]:
        """Yield the entries of an object's members, or of a list of objects with `key` and `value`."""
        if isinstance(value, dict):
            yield from (
                Entry(self._names.key_or_name(key), given, at) for key, given, at in placed_members(value, place)
            )
        elif isinstance(value, list) and all(_entry_name(one) is not None for one in value):
            yield from (self._read_entry(one, at) for one, at in placed_entries(value, place))
        else:
            self._note(place, f"`{name}` is an object of keys and values")

    def _read_entry(self, one: Mapping[str, Any], place: int) -> Entry:
        """Return an entry of a list of values.

        Raises:
            TextFaultError: its members name several fields.
        """
        self._names.check_are_one([one[name] for name in _ENTRY_NAMES if _has_text(one, name)], place)
        return Entry(
            self._names.key_or_name(str(_entry_named(one))), one.get("value"), place, self._read_notes(one, place)
        )

    def _read_notes(self, one: Mapping[str, Any], place: int) -> dict[str, Any]:
        """Return the notes on a value, and the place of a new row; one of another type is left out, and noted."""
        found = {}
        for name, given, at in placed_members(one, place):
            if name not in _NOTE_TYPES or (given is None and name != "after"):
                continue
            kind, words = _NOTE_TYPES[name]
            if isinstance(given, kind) and not isinstance(given, bool):
                found[name] = self._tidy_value(given)
            else:
                self._note(at, f"`{name}` is left out: it is a {words}")
        return found

    def _tidy_value(self, value: Any) -> Any:
        """Return a value without the traces that HTML or a chat's display has left in its texts, in place."""
        if isinstance(value, dict):
            for name, one in value.items():
                value[name] = self._tidy_value(one)
        elif isinstance(value, list):
            value[:] = map(self._tidy_value, value)
        elif isinstance(value, str) and not isinstance(value, Loose):
            text = without_link(unescape(value) if self._is_escaped else value)
            return text.replace("\xa0", " ") if self._has_hard_spaces else text
        return value


def _entry_name(entry: Any) -> str | None:
    """Return the name of the field in an entry of a list of values; None if it is no such entry."""
    return _entry_named(entry) if isinstance(entry, dict) and "value" in entry else None


def _entry_named(entry: Mapping[str, Any]) -> str | None:
    return next((str(entry[name]) for name in _ENTRY_NAMES if _has_text(entry, name)), None)


def _is_action(one: Any) -> bool:
    return _has_text(one, "key") and one.get("type", "set") in _ACTIONS


def _has_text(value: Any, member: str) -> bool:
    return isinstance(value, dict) and isinstance(value.get(member), str)
