"""Members of an agent's answer: from the JSON object of a block to actions and questions. SPEC.md section 11."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

from .answers import Answer, Suggestion
from .field_names import FieldNames
from .lenient_json import JSONFaultError, Members
from .line_values import without_link

Note = Callable[[int, str], None]
"""Notes a fault at a place of the text."""

CONTENT = frozenset({"fields", "rows", "add", "remove", "suggest", "ask", "actions"})
"""Members that ask for something; one of them makes an object an answer."""
ABOUT = frozenset({"code", "sessionid"})
"""Members that say which prompt is answered."""
WRAPPERS = frozenset({"handshake", "answer", "block", "data", "output", "response", "result"})
"""Names of an object around the answer."""

_ENTRY_NAMES = ("key", "field", "name", "id", "label")
"""Members that name the field in an entry of a list of values, the first one there counts."""
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_PROMPT_CODE = re.compile(r"[0-9]{1,15}-[A-Za-z2-7]{10}")
"""The shape of a prompt's code, as the field of a form would hold it by a rare accident alone."""
_NOT_ESCAPED = re.compile(rf"[<>]|&(?!{_ENTITY.pattern[1:]})")


def is_escaped(source: str) -> bool:
    """Whether all of a text has been escaped for HTML."""
    return _ENTITY.search(source) is not None and _NOT_ESCAPED.search(source) is None


def unwrapped(members: Members, names: FieldNames) -> Members:
    """Return the object in an object such as `{"handshake": {...}}`, any other as it is."""
    while len(members) == 1:
        name, inner = next(iter(members.items()))
        bare = name.strip().lower()
        if bare not in WRAPPERS or not isinstance(inner, Members) or names.key_of(name) or names.has_group(bare):
            break
        members = inner
    return members


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

    def __init__(self, source: str, names: FieldNames, note: Note, *, has_hard_spaces: bool) -> None:
        self._names = names
        self._note = note
        self._is_escaped = is_escaped(source)
        self._has_hard_spaces = has_hard_spaces
        self._place = 0

    def answer(self, members: Members, line: int) -> Answer:
        """Return the answer.

        Raises:
            JSONFaultError: it gives two values for one field.
        """
        answer = Answer(line=line)
        is_bare = not any(name.strip().lower() in CONTENT for name in members)
        others = [name for name, value in members.items() if not self._is_about(name, value)]
        if is_bare and (len(others) == len(members) or all(self._names.key_of(name) is not None for name in others)):
            self._fields(answer, members.only(others))
            members = members.only(set(members) - set(others))
        for given, value in members.items():
            name, self._place = given.strip().lower(), members.places[given]
            read = getattr(self, f"_{name}", None) if name in CONTENT | ABOUT else None
            if read is None:
                self._note(self._place, f"an answer has no member {given!r}")
            else:
                read(answer, value)
        return answer

    def _is_about(self, name: str, value: Any) -> bool:
        """Whether a member beside fields says which prompt is answered; a form may have a field of that name."""
        if name.strip().lower() not in ABOUT:
            return False
        return self._names.key_of(name) is None or (
            isinstance(value, str) and _PROMPT_CODE.fullmatch(value.strip()) is not None
        )

    def _fields(self, answer: Answer, value: Any) -> None:
        for key, given in self._pairs(value, "fields"):
            self._set(answer, key, given)

    def _rows(self, answer: Answer, value: Any) -> None:
        for key, rows in self._pairs(value, "rows"):
            self._set(answer, key, rows)

    def _add(self, answer: Answer, value: Any) -> None:
        for key, rows in self._pairs(value, "add"):
            listed = rows if isinstance(rows, list) else [rows]
            answer.add += [(key, self._tidy(row)) for row in listed]

    def _remove(self, answer: Answer, value: Any) -> None:
        keys = value if isinstance(value, list) else [value]
        if all(isinstance(key, str) for key in keys):
            answer.remove += [self._names.key_or_name(key) for key in keys]
        else:
            self._note(self._place, "`remove` lists the keys of rows")

    def _suggest(self, answer: Answer, value: Any) -> None:
        listed = value if isinstance(value, list) else []
        reasons = [one.get("reason") if isinstance(one, dict) else None for one in listed]
        for number, (key, given) in enumerate(self._pairs(value, "suggest")):
            about = given if isinstance(given, dict) and "value" in given else {"value": given}
            reason = reasons[number] if listed else about.get("reason")
            words = self._tidy(reason) if isinstance(reason, str) else ""
            answer.suggest.append(Suggestion(key, self._tidy(about["value"]), words))

    def _ask(self, answer: Answer, value: Any) -> None:
        asked = value if isinstance(value, list) else [value]
        if all(isinstance(one, str) or _has_text(one, "text") for one in asked):
            answer.ask += [self._tidy(one if isinstance(one, dict) else {"text": one}) for one in asked]
        else:
            self._note(self._place, "`ask` lists questions")

    def _actions(self, answer: Answer, value: Any) -> None:
        actions = value if isinstance(value, list) else [value]
        for action in actions:
            kind = action.get("type", "set") if _has_text(action, "key") else None
            if kind == "set":
                self._set(answer, self._names.key_or_name(action["key"]), action.get("value"))
            elif kind == "add":
                answer.add.append((self._names.key_or_name(action["key"]), self._tidy(action.get("value"))))
            elif kind == "remove":
                answer.remove.append(action["key"])
            else:
                self._note(self._place, "`actions` lists objects with `type` (set, add or remove), `key` and `value`")

    def _code(self, answer: Answer, value: Any) -> None:
        answer.code = self._text_of(value)

    def _sessionid(self, answer: Answer, value: Any) -> None:
        answer.session_id = self._text_of(value)

    def _text_of(self, value: Any) -> str:
        if isinstance(value, str):
            return value.strip()
        self._note(self._place, "this member is a text")
        return ""

    def _set(self, answer: Answer, key: str, value: Any) -> None:
        if key in answer.fields:
            raise JSONFaultError(f"there are two values for {key!r}", self._place, self._place)
        answer.fields[key] = self._tidy(value)

    def _pairs(self, value: Any, name: str) -> Iterator[tuple[str, Any]]:
        """Yield key and value of an object's members, or of a list of objects with `key` and `value`."""
        if isinstance(value, Members):
            for key, given in value.items():
                self._place = value.places[key]
                yield self._names.key_or_name(key), given
        elif isinstance(value, list) and all(_entry_name(one) is not None for one in value):
            yield from ((self._names.key_or_name(str(_entry_name(one))), one["value"]) for one in value)
        else:
            self._note(self._place, f"`{name}` is an object of keys and values")

    def _tidy(self, value: Any) -> Any:
        """Return a plain value, without the traces that HTML or a chat's display has left in its texts."""
        if isinstance(value, dict):
            return {name: self._tidy(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._tidy(one) for one in value]
        if not isinstance(value, str):
            return value
        text = without_link(unescape(value) if self._is_escaped else value)
        return text.replace("\xa0", " ") if self._has_hard_spaces else text


def _entry_name(entry: Any) -> str | None:
    """Return the name of the field in an entry of a list of values; None if it is no such entry."""
    named = [name for name in _ENTRY_NAMES if _has_text(entry, name)]
    return str(entry[named[0]]) if named and "value" in entry else None


def _has_text(value: Any, member: str) -> bool:
    return isinstance(value, dict) and isinstance(value.get(member), str)
