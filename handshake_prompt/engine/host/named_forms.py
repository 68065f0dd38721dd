"""Forms by name: registry of the host's own forms, and the requests to open one. SPEC.md section 4."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, Generic, TypeVar, Unpack

import anyio
import anyio.to_thread
import msgspec

from handshake_prompt.forms.documents import RowIds, Values
from handshake_prompt.forms.form_model import FormModel, Validator
from handshake_prompt.forms.form_options import FormOptions
from handshake_prompt.forms.problems import AnswerError, FieldErrors
from handshake_prompt.forms.shape import Entry
from handshake_prompt.modes import Modes
from handshake_prompt.protocol.bodies import CreateRequest
from handshake_prompt.protocol.errors import HandshakeError, InvalidRequestError
from handshake_prompt.protocol.form_errors import SchemaFixedError, UnknownFormError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import FormDescription, encode

from .hook import Hook, is_async
from .hooks import runnable
from .submitted_form import SubmittedForm, T_co

logger = logging.getLogger("handshake_prompt")

FRAMES = 3
"""Of a failed validator's traceback that are logged: the innermost, which are the host's."""
MODE = "form-fill"
"""The mode of a session that is opened with a form by name, unless the body asks for another that honours a schema."""
Answer = TypeVar("Answer")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


class NamedForm(Generic[T_co]):
    """A form of the host's: fields for its page, problems while it is filled, a typed value in the end.

    `NamedForm[Claim]` is one made from the model `Claim`.

    Args:
        model: its rules in plain code.
        fields: its fields, as sessions have them.
        rules: an async validator.
    """

    def __init__(self, model: FormModel, fields: Sequence[Entry], rules: Validator | None = None) -> None:
        self._model = model
        self.fields = fields
        """The schema, as it is on the wire."""
        name = f"validator of the form {model.name}"
        self._judge = Hook(self._found_problems, name)
        self._judge_here = Hook(self._found_problems, name, is_quick=True) if model.is_native else self._judge
        self._rules = Hook(rules, name) if rules else None
        description: FormDescription = {"form": model.name, "fields": fields}
        if model.initial:
            description["defaults"] = dict(model.initial)
        self.description = description
        """The members of the reply to `GET /forms/{name}`."""
        self.etag = sha256(encode(description)).hexdigest()[:32]
        """The name of this very description."""
        self.submitted: Hook | None = None
        """The host's function that takes what is submitted."""

    @property
    def name(self) -> str:
        """The name that pages open it by."""
        return self._model.name

    @property
    def lookups(self) -> Mapping[str, list[Any]]:
        """Options too many to send, by key without row ids."""
        return self._model.lookups

    def on_submit(self, function: Callable[[SubmittedForm[T_co]], Answer]) -> Callable[[SubmittedForm[T_co]], Answer]:
        """Register the function that takes the person's submission; see `Hooks.on_submit`.

        Raises:
            ValueError: there is one already.
            TypeError: it is no function, or a generator.
        """
        if self.submitted is not None:
            raise ValueError(f"the form {self.name!r} has a function for submissions already: it is to run once")
        self.submitted = runnable(function)
        return function

    def parse(self, values: Values, rows: RowIds | None = None) -> T_co:
        """Return the typed value of a complete form: an instance of its model, or a document.

        Args:
            values: plain values by key, such as `{"name": "Ada", "lines/r1/amount": 3}`.
            rows: the ids of rows in their order, by the key of their list.

        Raises:
            FieldErrors: its faults, by key.
            TypeError: the form's validator is async: use `parse_async`.
        """
        if self._rules is not None:
            raise TypeError(f"the validator of the form {self.name!r} is async: await form.parse_async(...) instead")
        value: T_co = self._model.parse(values, rows or {})
        return value

    async def parse_async(self, values: Values, rows: RowIds | None = None) -> T_co:
        """Do as `parse` does, with plain code in a thread and an async validator awaited.

        Raises:
            FieldErrors: its faults, by key.
        """
        answer = None if self._rules is None else await self._rules.function(self._model.document(values, rows or {}))
        parse = partial(self._model.parse, values, rows or {}, answer=answer)
        value: T_co = await anyio.to_thread.run_sync(parse)
        return value

    async def parse_context(self, context: Mapping[str, Any]) -> T_co:
        """Return the typed value of a session's context, as `read_as_user` returns it; see `parse_async`."""
        values = {key: record["value"] for key, record in context["context"].items()}
        return await self.parse_async(values, context.get("rows"))

    async def problems(
        self, values: Values, rows: RowIds, *, within: float, are_few: bool
    ) -> tuple[dict[str, Any], ...] | None:
        """Return the problems of values that may still be under way; None if the validator makes no statement.

        A failure is logged, with its kind and its place in the code; its text may quote a value.

        Args:
            values: plain values by key.
            rows: the ids of rows in their order, by the key of their list.
            within: the seconds it may take.
            are_few: whether native code judges them sooner than they are handed to a thread.
        """
        clock, answer = asyncio.get_running_loop().time, None
        until = clock() + within
        if self._rules is not None:
            answer, error = await self._rules(self._model.document(values, rows), within=within)
            if isinstance(error, FieldErrors):
                answer, error = error.problems, None
            if error is not None:
                self._log_failure(error)
                return None
        judge = self._judge_here if are_few else self._judge
        found, error = await judge(values, rows, answer, within=max(0.0, until - clock()))
        if error is not None:
            self._log_failure(error)
            return None
        problems: tuple[dict[str, Any], ...] = found
        return problems

    def _found_problems(self, values: Values, rows: RowIds, answer: object) -> tuple[dict[str, Any], ...]:
        problems = tuple(problem.data() for problem in self._model.problems(values, rows, answer=answer))
        encode(problems)  # what no JSON can hold is found out here
        return problems

    def _log_failure(self, error: BaseException) -> None:
        frames = "".join(traceback.format_tb(error.__traceback__)[-FRAMES:]).rstrip()
        told = error if isinstance(error, AnswerError | TimeoutError) else type(error).__name__
        logger.error("The validator of the form %s makes no statement: %s\n%s", self.name, told, frames)

    def __repr__(self) -> str:
        count = len(self.fields)
        return f"<NamedForm {self.name!r} of {count} field{'s' * (count != 1)}>"


class NamedForms:
    """The forms of one engine, by name.

    Args:
        modes: the engine's; the one of name `MODE` plays sessions of forms by name.
        limits: the bounds of a schema.
    """

    def __init__(self, modes: Modes, limits: Limits) -> None:
        self._modes = modes
        self._limits = limits
        self._forms: dict[str, NamedForm[Any]] = {}

    def add(
        self, name: str, source: Any, *, validator: Validator | None, **options: Unpack[FormOptions]
    ) -> NamedForm[Any]:
        """Register a form; the arguments are those of a `FormModel`, but that the validator may be async.

        Raises:
            ValueError: the name cannot stand in a path or is another form's, or the fields are over a bound.
            ImportError, TypeError: see `FormModel`.
        """
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot name a form: use up to 64 letters, digits, dots, dashes, underscores, as in 'claim'"
            )
        if name in self._forms:
            raise ValueError(f"there is a form {name!r} already: register each once, where the application is built")
        if validator is not None and not callable(validator):
            raise TypeError(f"the validator of the form {name!r} is a function of its document, not {validator!r}")
        rules = validator if validator is not None and is_async(validator) else None
        try:
            model = FormModel(name, source, validator=None if rules else validator, **options)
        except HandshakeError as error:
            raise _cannot_be_opened(name, error) from None
        form: NamedForm[Any] = NamedForm(model, self._fields_of(model), rules)
        self._forms[name] = form
        return form

    def get(self, name: str) -> NamedForm[Any] | None:
        """Return a form by its name, None if there is none."""
        return self._forms.get(name)

    def named(self, name: str) -> NamedForm[Any]:
        """Return a form by its name.

        Raises:
            UnknownFormError: the host has registered none of this name.
        """
        form = self._forms.get(name)
        if form is None:
            raise UnknownFormError
        return form

    def filled_in(self, asked: CreateRequest) -> CreateRequest:
        """Return a request to open a session with the form's mode, schema and defaults.

        Raises:
            UnknownFormError: the host has registered no form of this name.
            SchemaFixedError: the request brings a schema of its own.
            InvalidRequestError: it asks for a mode that honours no schema.
        """
        form = self.named(asked.form or "")
        if asked.schema is not None:
            raise SchemaFixedError
        mode = asked.mode or MODE
        if not getattr(self._modes.named(mode, form.fields), "honours_schema", False):
            raise InvalidRequestError(f"A form by name is opened in mode {MODE}: leave mode out")
        defaults = {**form.description.get("defaults", {}), **(asked.defaults or {})}
        return msgspec.structs.replace(asked, mode=mode, schema=list(form.fields), defaults=defaults)

    def _fields_of(self, model: FormModel) -> Sequence[Entry]:
        """Return a form's fields as sessions have them; their likely mistakes are logged."""
        try:
            compiled = self._modes.compiled(MODE, model.fields)
        except HandshakeError as error:
            raise _cannot_be_opened(model.name, error) from None
        schema_json = compiled.schema_json if compiled else msgspec.json.encode(model.fields)
        size, most = len(schema_json), self._limits.session_bytes
        if size > most:
            raise ValueError(f"the fields of the form {model.name!r} take {size} bytes: Limits.session_bytes is {most}")
        for mistake in compiled.mistakes if compiled else ():
            logger.warning("The form %s, field %s: %s", model.name, mistake.get("key"), mistake["msg"])
        fields: Sequence[Entry] = msgspec.json.decode(schema_json)
        return fields


def _cannot_be_opened(name: str, error: HandshakeError) -> ValueError:
    return ValueError(f"the form {name!r} cannot be opened: {error.detail}")
