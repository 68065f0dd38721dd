"""Messages the server sends about values and forms, and the JSON encoder. Names are camelCase. SPEC.md section 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any, NotRequired, TypedDict

import msgspec

from .packing import to_json


class FieldRecord(TypedDict):
    """A value in `context`."""

    value: Any
    by: str
    at: str
    rev: int
    sensitive: NotRequired[bool]
    filled: NotRequired[bool]
    source: NotRequired[str]
    confidence: NotRequired[float]
    reason: NotRequired[str]
    request: NotRequired[str]
    preset: NotRequired[bool]


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The result of one action or edit: an entry of `results`.

    `status` is `applied`, `suggested`, `rejected` (the writer may not) or `error` (the action is wrong). `action`
    stands for the action itself where it names no field. `row` is the id of an added row, `request` that of a request.
    """

    key: str | None = None
    status: str = ""
    code: str | None = None
    seq: int | None = None
    request: str | None = None
    msg: str | None = None
    current: FieldRecord | None = None
    action: dict[str, Any] | None = None
    row: str | None = None

    @property
    def subject(self) -> str:
        """The key of the written field, list or row: of an added row the row's own."""
        return f"{self.key}/{self.row}" if self.row is not None else self.key or ""

    def error(self) -> dict[str, Any]:
        """Return the entry of `errors`, as clients of version 0.2 read it."""
        subject = {"action": self.action or {}} if self.key is None else {"key": self.key}
        return {**subject, "msg": self.msg, "code": self.code}


class Problem(TypedDict):
    """An error: `application/problem+json` (RFC 9457), and `error`, which clients of version 0.2 read."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    error: str
    retryAfter: NotRequired[int]
    nextSteps: NotRequired[list[str]]
    problems: NotRequired[Sequence[Mapping[str, Any]]]


class CreationWarning(TypedDict):
    """A likely mistake in a body of `POST /session`: `key` is the field's, `member` the member it is about."""

    msg: str
    key: NotRequired[str]
    member: NotRequired[str]


class OptionsReply(TypedDict):
    """The reply of `GET /options/{sid}`: options as in a schema. `truncated`: there are more than these."""

    key: str
    options: list[Any]
    truncated: NotRequired[bool]


class FormDescription(TypedDict):
    """The reply of `GET /forms/{name}`: the fields and defaults for a page to draw."""

    form: str
    fields: Sequence[Mapping[str, Any]]
    defaults: NotRequired[dict[str, Any]]


class FormProblem(TypedDict):
    """A problem of a form, about fields, rows, lists of rows or groups; without keys about the form as a whole."""

    keys: list[str]
    msg: str


class ToldProblems(TypedDict, total=False):
    """The problems of a form, and whether its validator has made no statement."""

    problems: list[FormProblem]
    problemsUnknown: bool


class Context(ToldProblems):
    """The reply of `GET /context/{sid}` and the `snapshot` of a watcher. A mode adds members of its own."""

    sessionId: str
    mode: str
    role: str
    context: dict[str, FieldRecord]
    meta: dict[str, Any]
    expiresIn: int
    cursor: str
    form: NotRequired[str]
    schema: NotRequired[list[Any]]
    missing: NotRequired[list[str]]
    missingPerson: NotRequired[list[str]]
    hidden: NotRequired[list[str]]
    rows: NotRequired[Mapping[str, Sequence[str]]]
    data: NotRequired[dict[str, Any]]
    requests: NotRequired[list[dict[str, Any]]]
    attended: NotRequired[bool]
    digest: NotRequired[str]
    submission: NotRequired[dict[str, Any]]


class BroadcastCount(TypedDict):
    """How many frames of a batch were queued, to how many watchers."""

    clients: int
    actionMessages: int
    doneMessages: int


class ActionReply(ToldProblems):
    """The reply of `POST /action/{sid}`."""

    ok: bool
    applied: list[str]
    rejected: list[str]
    suggested: NotRequired[list[str]]
    errors: list[dict[str, Any]]
    results: Sequence[Outcome]
    broadcast: BroadcastCount
    cursor: str
    expiresIn: int
    missing: NotRequired[list[str]]
    missingPerson: NotRequired[list[str]]
    hidden: NotRequired[list[str]]
    rows: NotRequired[Mapping[str, Sequence[str]]]
    context: NotRequired[Mapping[str, FieldRecord]]


class Unread(TypedDict):
    """A line of a pasted text that could not be read: its number, its text on one line, and the reason."""

    line: int
    text: str
    msg: str


class PastedQuestion(TypedDict):
    """A question of a pasted answer. `request` is the id of the request that it is, `status` as that stands.

    One that cannot be asked has the status `error`, with `code` and `msg`.
    """

    text: str
    status: str
    fields: NotRequired[list[Any]]
    key: NotRequired[str]
    request: NotRequired[str]
    answer: NotRequired[Mapping[str, Any]]
    code: NotRequired[str]
    msg: NotRequired[str]


class PasteReply(ActionReply):
    """The reply of `POST /paste/{sid}`.

    `read` are the actions that the answer asks for, in the order of `results`, and `lines` those of the text at which
    they stand; `blocks` is the number of whole ones in the text, and `line` that at which the one that counts begins;
    `questions` are the agent's to the person; `bound` tells whether the answer names its prompt, and `changes` what
    others wrote since that; `code` is that of a prompt written now; `report` tells the agent all this in words.
    """

    preview: bool
    read: Sequence[Any]
    lines: Sequence[int]
    blocks: int
    line: int
    unread: list[Unread]
    questions: list[PastedQuestion]
    changes: list[Any]
    changesLeftOut: NotRequired[int]
    bound: bool
    code: str
    report: NotRequired[str]


class NotifyReply(ToldProblems):
    """The reply of `POST /notify/{sid}`."""

    ok: bool
    key: str
    by: str
    seq: int
    cursor: str
    digest: NotRequired[str]
    row: NotRequired[str]


ChangeRecord = TypedDict(
    "ChangeRecord",
    {
        "key": str,
        "to": Any,
        "by": str,
        "at": str,
        "seq": int,
        "from": NotRequired[Any],
        "sensitive": NotRequired[bool],
        "source": NotRequired[str],
        "confidence": NotRequired[float],
        "reason": NotRequired[str],
        "request": NotRequired[str],
    },
)


class Diff(ToldProblems):
    """The reply of `GET /diff/{sid}`. `truncated` means: read the context again."""

    sessionId: str
    since: str
    changes: list[ChangeRecord]
    cursor: str
    truncated: bool
    rows: NotRequired[Mapping[str, Sequence[str]]]
    rowsBy: NotRequired[Sequence[str]]
    requests: NotRequired[Sequence[dict[str, Any]]]
    attended: NotRequired[bool]
    timedOut: NotRequired[bool]
    note: NotRequired[str]


def encode(value: object) -> bytes:
    """Return `value` as JSON in pure ASCII, so that no text in it can make a send fail; in constant work per byte.

    Other JSON is escaped once more as a whole. That escapes its quotation marks and backslashes too: this is undone.
    """
    raw = to_json(value)
    if raw.isascii():
        return raw
    escaped = encode_basestring_ascii(raw.decode())[1:-1].replace('\\"', '"')
    return (escaped.replace(r"\\", "\\") if b"\\" in raw else escaped).encode("ascii")


def whole_seconds(seconds: float) -> int:
    """Round a remaining time to whole seconds, never below zero."""
    return max(0, round(seconds))
