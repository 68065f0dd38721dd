"""Bodies and frames that clients send, and their decoder. SPEC.md sections 4 and 7."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, TypeVar

import msgspec

from .errors import InvalidJSONError, InvalidRequestError, TooLargeError
from .events import PROBLEM, SCHEMA

T = TypeVar("T")

Place = str | None | msgspec.UnsetType
"""Place of a row in its list: behind the row of an id, first (None), or last (UNSET)."""

_NAMED_BYTES = 32 * 1024
"""Of a body whose members are looked at by name."""

Body = Mapping[str, Any] | bytes | Callable[[], Awaitable[bytes]]
"""A request's body: plain values, the bytes of a JSON object, or a reader, called only once the guard has passed."""


class PromptRequest(msgspec.Struct, frozen=True):
    """How the page wants its prompt: `{"language": "en" | "zh"}`."""

    language: str | None = None


class CreateRequest(msgspec.Struct, frozen=True, rename="camel"):
    """`POST /session`. `context` (or its alias `data`) holds the person's own values, `defaults` open suggestions.

    `form` names one of the host's forms, which brings its schema.
    """

    mode: str | None = None
    form: str | None = None
    schema: list[Any] | None = None
    context: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    defaults: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None
    prompt: bool | PromptRequest | None = None
    user_token: bool | None = None
    pickup: bool | PromptRequest | None = None

    @property
    def initial_values(self) -> dict[str, Any]:
        """The values given at creation, under either name."""
        return self.context or self.data or {}


class Action(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """One thing an agent asks for. `if_rev` makes it conditional on the value's revision; `after` places a row.

    `source`, `confidence` and `reason` are shown to the person with the value.
    """

    type: str | None = None
    key: str | None = None
    value: Any = None
    if_rev: int | None = None
    after: Place = msgspec.UNSET
    source: str | None = None
    confidence: int | float | None = None
    reason: str | None = None


class ActionRequest(msgspec.Struct, frozen=True, rename="camel"):
    """`POST /action/{sid}`."""

    example: ClassVar[str] = '{"actions": [{"type": "set", "key": "FIELD", "value": "VALUE"}]}'

    actions: list[Action]
    stream: bool | None = None
    interval_ms: int | float | None = None

    def pace(self, longest: float) -> float:
        """Return the pause between shown frames in seconds, within `longest`; 0 when the batch is not streamed."""
        if self.stream is False:
            return 0.0
        interval = 300 if self.interval_ms is None else self.interval_ms
        return min(interval, longest * 1000) / 1000 if interval > 0 else 0.0


class PasteRequest(msgspec.Struct, frozen=True):
    """`POST /paste/{sid}`: the text with an agent's answer; with `preview` nothing is written."""

    text: str
    preview: bool = False


class PageMessage(msgspec.Struct, frozen=True, rename="camel"):
    """A frame from the page that the engine understands. `ref` comes back in the answer.

    However often it is sent with one `idempotency_key`, it has one effect.
    """

    type: str
    key: str
    value: Any = None
    after: Place = msgspec.UNSET
    idempotency_key: str | None = None
    ref: str | int | None = None


class PageProblem(msgspec.Struct, frozen=True):
    """A problem that the page has found itself, or with a `msg` of null or "" that it is over."""

    key: str
    msg: str | None = None
    ref: str | int | None = None


class SchemaChange(msgspec.Struct, frozen=True):
    """Entries of the schema that are new or other than before, and the keys of removed ones."""

    set: list[Any] = []
    remove: list[str] = []
    ref: str | int | None = None


PersonsMessage = PageMessage | PageProblem | SchemaChange

USER_EDIT, RELEASE, ADD_ROW, REMOVE_ROW, MOVE_ROW = "userEdit", "release", "addRow", "removeRow", "moveRow"
PAGE_MESSAGES: Mapping[str, type[PersonsMessage]] = {
    **dict.fromkeys((USER_EDIT, RELEASE, ADD_ROW, REMOVE_ROW, MOVE_ROW), PageMessage),
    PROBLEM: PageProblem,
    SCHEMA: SchemaChange,
}
"""The types of a page's messages, and their shapes."""


class AskRequest(msgspec.Struct, frozen=True, rename="camel"):
    """`POST /ask/{sid}`: a question to the person: yes or no, or answered in `fields`, or in the form's `key`."""

    example: ClassVar[str] = '{"text": "QUESTION"}'

    text: str
    fields: list[Any] | None = None
    key: str | None = None
    expires_in: int | float | None = None


class AnswerRequest(msgspec.Struct, frozen=True):
    """`POST /answer/{sid}/{id}`: the person's decision on a request, as it was shown under `digest`."""

    decision: Literal["accept", "decline"]
    digest: str
    values: dict[str, Any] | None = None


class AnswerMessage(AnswerRequest, frozen=True, kw_only=True):
    """The same as a frame from the page."""

    id: str


class Ping(msgspec.Struct, frozen=True):
    """A frame that asks for a sign of life; a page may say in it whether it is in view."""

    visible: bool | None = None


class SubmitRequest(msgspec.Struct, frozen=True):
    """`POST /submit/{sid}`: the person submits the state that the page shows, by its digest."""

    digest: str


class RevertRequest(msgspec.Struct, frozen=True):
    """`POST /revert/{sid}`: one field, several, or with `all` everything the agent wrote."""

    key: str | None = None
    keys: list[str] | None = None
    all: bool = False


class NotifyRequest(msgspec.Struct, frozen=True, rename="camel"):
    """`POST /notify/{sid}`: an edit, with `release` the return of a field to the agent, a change of rows, or a report.

    `add` is the key of a list; `remove` and `move` are keys of rows.
    """

    key: str | None = None
    value: Any = None
    release: bool = False
    add: str | None = None
    remove: str | None = None
    move: str | None = None
    after: Place = msgspec.UNSET
    idempotency_key: str | None = None
    problem: PageProblem | None = None
    schema: SchemaChange | None = None

    @property
    def message(self) -> PersonsMessage:
        """The frame that says the same.

        Raises:
            InvalidRequestError: it names nothing (`missing_key`), or several things at once.
        """
        keys = {
            RELEASE if self.release else USER_EDIT: self.key,
            ADD_ROW: self.add,
            REMOVE_ROW: self.remove,
            MOVE_ROW: self.move,
        }
        written = [
            PageMessage(kind, key, self.value, self.after, self.idempotency_key)
            for kind, key in keys.items()
            if key is not None
        ]
        named: list[PersonsMessage] = [*written, *(one for one in (self.problem, self.schema) if one is not None)]
        if not named:
            raise InvalidRequestError("key is required", code="missing_key")
        if len(named) > 1:
            raise InvalidRequestError("key, add, remove, move, problem and schema are one each: send one of them")
        return named[0]


class ExtendRequest(msgspec.Struct, frozen=True, rename="camel"):
    """`POST /session/{sid}/extend`."""

    example: ClassVar[str] = '{"extraSeconds": 1800}'

    extra_seconds: int = 1800


class PickupRequest(PromptRequest, frozen=True):
    """`POST /session/{sid}/pickup`: the language of the prompt to pick up."""


class RotateRequest(msgspec.Struct, frozen=True):
    """`POST /session/{sid}/rotate`."""

    prompt: bool | PromptRequest | None = None


def decode(shape: type[T], body: Mapping[str, Any] | bytes) -> T:
    """Turn a body into a value of `shape`.

    Raises:
        InvalidJSONError: bytes that are not JSON.
        InvalidRequestError: JSON of another shape.
        TooLargeError: nested deeper than the parser follows (`too_deep`).
    """
    try:
        if isinstance(body, bytes):
            return msgspec.json.decode(body.decode(), type=shape)  # of bytes, members nobody reads are not checked
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        steps = [f"Send a body such as {example}"] if (example := getattr(shape, "example", None)) else []
        raise InvalidRequestError(f"The body has another shape than documented: {error}", next_steps=steps) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidJSONError("The body is not valid JSON in UTF-8") from None
    except RecursionError:
        raise TooLargeError("The body is nested too deeply", code="too_deep") from None


def member_names(body: Mapping[str, Any] | bytes) -> Iterable[str]:
    """Return the names of a body's members, known or not; none for a body larger than pages write by hand."""
    if not isinstance(body, bytes):
        return body.keys()
    return msgspec.json.decode(body, type=dict[str, msgspec.Raw]) if len(body) <= _NAMED_BYTES else ()
