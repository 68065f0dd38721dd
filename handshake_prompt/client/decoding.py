"""Typed decoding of replies and frames. Members that are not named here pass as they are.

Servers of version 0.2 leave out many, so most may be absent; none may be of another type.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from .errors import BadReplyError

T = TypeVar("T")

MOST_CURSOR = 255


class FormProblem(msgspec.Struct, frozen=True):
    """An entry of `problems`."""

    keys: list[str]
    msg: str


class ContextReply(msgspec.Struct, frozen=True, rename="camel"):
    """`GET /context/{sid}`."""

    session_id: str
    mode: str
    context: dict[str, dict[str, Any]] | None = None
    data: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None
    schema: list[Any] | None = None
    missing: list[str] | None = None
    missing_person: list[str] | None = None
    problems: list[FormProblem] | None = None
    rows: dict[str, list[str]] | None = None
    expires_in: int | float | None = None
    cursor: str | None = None


class ActionReply(msgspec.Struct, frozen=True, rename="camel"):
    """`POST /action/{sid}`."""

    applied: list[str]
    rejected: list[str]
    errors: list[dict[str, Any]]
    results: list[dict[str, Any]] | None = None
    missing: list[str] | None = None
    missing_person: list[str] | None = None
    problems: list[FormProblem] | None = None
    context: dict[str, dict[str, Any]] | None = None
    cursor: str | None = None


class ListedChange(msgspec.Struct, frozen=True):
    """An entry of `changes`."""

    key: str
    to: Any
    by: str
    at: str
    seq: int | None = None
    sensitive: bool = False


class DiffReply(msgspec.Struct, frozen=True):
    """`GET /diff/{sid}`."""

    changes: list[ListedChange]
    cursor: str | None = None
    truncated: bool = False
    rows: dict[str, list[str]] | None = None
    problems: list[FormProblem] | None = None
    requests: list[EndedRequest] = []


class OptionsReply(msgspec.Struct, frozen=True):
    """`GET /options/{sid}`."""

    key: str
    options: list[Any]


class AskReply(msgspec.Struct, frozen=True, rename="camel"):
    """`POST /ask/{sid}`."""

    id: str
    status: str
    cursor: str
    expires_in: int | float


class WithdrawReply(msgspec.Struct, frozen=True):
    """`DELETE /ask/{sid}/{id}`."""

    id: str
    status: str


class GivenAnswer(msgspec.Struct, frozen=True):
    """`answer` of a request."""

    values: dict[str, Any] = {}
    filled: bool = False


class EndedRequest(msgspec.Struct, frozen=True):
    """A request in a list, or the frame of its end."""

    id: str
    status: str
    kind: str = "ask"
    answer: GivenAnswer | None = None
    cursor: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The values of the answer."""
        return self.answer.values if self.answer else {}

    @property
    def filled(self) -> bool:
        """Whether the answer is a value that is hidden from the agent."""
        return self.answer is not None and self.answer.filled


class ExtendReply(msgspec.Struct, frozen=True, rename="camel"):
    """`POST /session/{sid}/extend`."""

    extended: int | float
    expires_in: int | float


class ChangeFrame(msgspec.Struct, frozen=True):
    """`action` and `edit`."""

    key: str
    value: Any
    by: str
    at: str
    seq: int
    cursor: str
    sensitive: bool = False


class RowFrame(msgspec.Struct, frozen=True):
    """`rowAdded`, `rowRemoved` and `rowMoved`."""

    key: str
    list: str
    row: str
    by: str
    at: str
    seq: int
    cursor: str
    after: str | None = None


class ConnectedFrame(msgspec.Struct, frozen=True):
    """`connected`, the first."""

    cursor: str
    recovered: bool
    snapshot: dict[str, Any] | None = None


class DrainingFrame(msgspec.Struct, frozen=True, rename="camel"):
    """`draining`."""

    after_ms: int | float


class ClosedFrame(msgspec.Struct, frozen=True):
    """`closed`, the last."""

    code: int
    final: bool
    reason: str = ""


class AnyFrame(msgspec.Struct, frozen=True):
    """Any other frame; a logged one has a cursor, and one that tells of the session's end may say by whom it was."""

    cursor: str | None = None
    by: Any = None


def decode_object(raw: bytes) -> dict[str, Any]:
    """Return a JSON object from its bytes.

    Raises:
        BadReplyError: they are no JSON object.
    """
    try:
        found = msgspec.json.decode(raw.decode())
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadReplyError("The server did not answer in JSON") from None
    if not isinstance(found, dict):
        raise BadReplyError("The server answered in JSON, but not with an object")
    return found


def decode_members(raw: bytes, shape: type) -> dict[str, Any]:
    """Return a JSON object from its bytes, once its members are checked against a shape.

    Raises:
        BadReplyError: they are no JSON object of that shape.
    """
    found = decode_object(raw)
    check_members(found, shape)
    return found


def check_members(given: dict[str, Any], shape: type[T]) -> T:
    """Return the members of an object that its shape names.

    Raises:
        BadReplyError: a member is missing or of another type.
    """
    try:
        found = msgspec.convert(given, shape)
    except msgspec.ValidationError:
        raise BadReplyError("The server answered in JSON of another shape than the protocol's") from None
    cursor = getattr(found, "cursor", None)
    if cursor is not None and not is_cursor(cursor):
        raise BadReplyError("The server sent a cursor that cannot be sent back")
    return found


def markdown_text(content_type: str, raw: bytes) -> str:
    """Return the text of a reply in Markdown.

    Raises:
        BadReplyError: it is in another format.
    """
    if content_type.partition(";")[0].strip().lower() != "text/markdown":
        raise BadReplyError("This server has no Markdown", code="no_markdown", next_steps=["Read the context as JSON."])
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise BadReplyError("The server's text is not in UTF-8") from None


def is_cursor(text: str) -> bool:
    """Whether a text can be the value of a `Last-Event-ID` header."""
    return 0 < len(text) <= MOST_CURSOR and text.isascii() and text.isprintable() and " " not in text
