"""Posted values of a form of the host's, as values of a session's fields. SPEC.md section 8."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from handshake_prompt.forms.keys import escaped, joined
from handshake_prompt.forms.typed_text import field_of, html_number, is_same_in_control, takes, typed_value
from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.protocol.values import MAX_INTEGER
from handshake_prompt.session import Session
from handshake_prompt.session.field_value import is_empty
from handshake_prompt.texts.quoting import quote
from handshake_prompt.texts.row_tables import field_entries, is_rows

REPLACEMENT = "\ufffd"
"""Stands for bytes that a framework's parser could not read, as of a page in another charset."""
_BOOLEAN = frozenset({"boolean", "bool", "checkbox"})
_CHECKED = frozenset({"on", "true", "1", "yes"})


class Posted(NamedTuple):
    """The body of a post for a session.

    `texts`: the values are lists of texts, as of an HTML form, without boxes left unchecked and lists left unchosen.
    Unless a `digest` covers the page, these count as empty.
    """

    values: Mapping[str, Any]
    digest: str | None
    texts: bool

    def spread(self, schema: object) -> Posted:
        """Return the post with the members of groups by their keys: `{"home": {"street": "x"}}` posts `home/street`.

        Raises:
            InvalidRequestError: a group is posted as something else than an object or null.
        """
        if self.texts:
            return self
        fields = frozenset(field["key"] for field in field_entries(schema))
        groups = frozenset(key[:end] for key in fields for end, sign in enumerate(key) if sign == "/") - fields
        return self._replace(values=dict(_spread(self.values, "", groups, fields))) if groups else self

    def values_for(self, session: Session) -> dict[str, Any]:
        """Return the posted values of the session's fields; other names are the host's, of whatever size.

        Raises:
            InvalidRequestError: the text of a field has lost a character on its way.
        """
        schema = session.schema
        value_of = _field_value if self.texts else _json_value
        found = {}
        for key, posted in self.values.items():
            field = field_of(schema, key)
            if field is not None and self.texts and is_rows(field):
                continue  # no text is a list of objects
            if field is not None or not schema:
                found[key] = value_of(posted, field, session.value(key))
                if self.texts and REPLACEMENT in "".join(posted) and found[key] != session.value(key):
                    raise InvalidRequestError(f"{quote(key)}: a character is not in UTF-8", code="invalid_value")
        is_whole = self.digest is not None or not self.texts
        return found if is_whole else {**dict(_left_out(session, self.values)), **found}

    def has(self, key: str) -> bool:
        """Whether a value was posted, by its own key or in a list of rows."""
        return key in self.values or (not self.texts and any(key.startswith(f"{posted}/") for posted in self.values))


def _spread(
    members: Mapping[str, Any], group: str, groups: frozenset[str], fields: frozenset[str]
) -> Iterator[tuple[str, Any]]:
    for name, value in members.items():
        key = joined(group, escaped(name)) if group else name
        if key not in groups:
            yield key, value
        elif isinstance(value, Mapping):
            yield from _spread(value, key, groups, fields)
        elif value is None:
            yield from ((field, None) for field in sorted(fields) if field.startswith(f"{key}/"))
        else:
            raise InvalidRequestError(f"{quote(key)} is a group of fields, and posted as none", code="invalid_value")


def _json_value(value: Any, field: Mapping[str, Any] | None, held: Any) -> Any:
    """Return a JSON value as its field takes it: the text of a control for a number, too, and null for no rows."""
    if field is None:
        return value
    taken = _typed_value(value, field, held) if isinstance(value, str) else value
    return [] if taken is None and is_rows(field) else taken


def _field_value(texts: list[str], field: Mapping[str, Any] | None, held: Any) -> Any:
    """Return the value of the texts of one name; browsers end their lines with CR and LF."""
    texts = [text.replace("\r\n", "\n") for text in texts]
    if texts == held:
        return held
    if field is not None and _is_many(field):
        listed = [typed_value(text, field) for text in texts]  # a list each
        return [value for values in listed for value in values or () if not is_empty(value)]
    text = texts[-1]  # a hidden "0" ahead of a checkbox is a habit of many frameworks
    if field is not None and _is_boolean(field):
        is_unanswered = text == "" and field.get("nullable") is True
        return None if is_unanswered else text.lower() in _CHECKED
    return _typed_value(text, field, held) if field is not None else text


def _typed_value(text: str, field: Mapping[str, Any], held: Any) -> Any:
    """Return the value of a control's text: the one held, where that is shown so, and text for what looks like JSON."""
    if isinstance(held, str) and (text == held or is_same_in_control(text, held, field)):
        return held
    value = typed_value(text, field)
    if (value is None and takes(text, field)) or (type(value) is int and abs(value) > MAX_INTEGER):
        return text
    return _number_or_text(text, field) if isinstance(value, str) else value


def _number_or_text(text: str, field: Mapping[str, Any]) -> Any:
    with suppress(ValueError):
        number = html_number(text)
        if number is not None and takes(number, field) and not takes(text, field):
            return number
    return text


def _left_out(session: Session, posted: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields left out by a browser, with nothing checked or chosen in them, and their empty values.

    A question of yes or no that may stay open, and has no answer yet, has none then either.
    """
    for field in session.schema:
        if isinstance(field, Mapping) and field.get("key") not in posted:
            if _is_boolean(field) and not field.get("options"):
                is_unanswered = field.get("nullable") is True and session.value(field["key"]) is None
                yield field["key"], None if is_unanswered else False
            elif _is_many(field):
                yield field["key"], []


def _is_boolean(field: Mapping[str, Any]) -> bool:
    kind = field.get("type")
    return isinstance(kind, str) and kind in _BOOLEAN  # a field of several types names them in a list


def _is_many(field: Mapping[str, Any]) -> bool:
    kind = field.get("type")
    named = isinstance(kind, str) and (kind.startswith("array") or kind == "select-multiple")
    return field.get("multiple") is True or named or (kind == "checkbox" and bool(field.get("options")))
