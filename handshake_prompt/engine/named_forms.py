"""Forms by name: the registry of the host's own forms, and the sessions that are opened with one. SPEC.md section 4."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from handshake_prompt.forms.documents import RowIds, Values
from handshake_prompt.forms.form_model import FormModel
from handshake_prompt.forms.shape import Entry
from handshake_prompt.modes import Modes
from handshake_prompt.protocol.bodies import CreateRequest
from handshake_prompt.protocol.errors import HandshakeError, InvalidRequestError, SchemaFixedError, UnknownFormError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import FormDescription, encode

MODE = "form-fill"
"""The mode of a session that is opened with a form by name, unless the body asks for another that honours a schema."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


class NamedForm:
    """A form of the host's: the fields a page is drawn from, and the typed value of what it holds in the end."""

    def __init__(self, model: FormModel) -> None:
        self._model = model
        description: FormDescription = {"form": model.name, "fields": model.fields}
        if model.initial:
            description["defaults"] = dict(model.initial)
        self.description = description
        """The members of the reply to `GET /forms/{name}`."""
        self.etag = sha256(encode(description)).hexdigest()[:32]
        """The name of this very description."""

    @property
    def name(self) -> str:
        """The name that pages open it by."""
        return self._model.name

    @property
    def fields(self) -> list[Entry]:
        """The schema, as it is on the wire."""
        return self._model.fields

    def parse(self, values: Values, rows: RowIds | None = None) -> Any:
        """Return the typed value of a complete form: an instance of its model, or a document.

        Args:
            values: plain values by key, such as `{"name": "Ada", "lines/r1/amount": 3}`.
            rows: the ids of rows in their order, by the key of their list.

        Raises:
            FieldErrors: its faults, by key.
        """
        return self._model.parse(values, rows or {})

    def parse_context(self, context: Mapping[str, Any]) -> Any:
        """Return the typed value of a session's context, as `read_as_user` returns it.

        Raises:
            FieldErrors: its faults, by key.
        """
        values = {key: record["value"] for key, record in context["context"].items()}
        return self.parse(values, context.get("rows", {}))

    def __repr__(self) -> str:
        return f"<NamedForm {self.name!r} of {len(self.fields)} fields>"


class NamedForms:
    """The forms of one engine, by name.

    Args:
        modes: the engine's; the one of name `MODE` plays sessions of forms by name.
        limits: the bounds of a schema.
    """

    def __init__(self, modes: Modes, limits: Limits) -> None:
        self._modes = modes
        self._limits = limits
        self._forms: dict[str, NamedForm] = {}

    def add(self, model: FormModel) -> NamedForm:
        """Register a form.

        Raises:
            ValueError: its name cannot stand in a path or is another form's, or its fields are over a bound.
        """
        name = model.name
        if not NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot name a form: use up to 64 letters, digits, dots, dashes, underscores, as in 'claim'"
            )
        if name in self._forms:
            raise ValueError(f"there is a form {name!r} already: register each once, where the application is built")
        self._check_fields(model)
        form = self._forms[name] = NamedForm(model)
        return form

    def named(self, name: str) -> NamedForm:
        """Return a form by its name.

        Raises:
            UnknownFormError: the host has registered none of this name.
        """
        form = self._forms.get(name)
        if form is None:
            raise UnknownFormError
        return form

    def filled_in(self, asked: CreateRequest) -> CreateRequest:
        """Return a request to open a session with the members that its form decides: mode, schema and defaults.

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
        return msgspec.structs.replace(asked, mode=mode, schema=form.fields, defaults=defaults)

    def _check_fields(self, model: FormModel) -> None:
        try:
            self._modes.check_form(MODE, model.fields)
        except HandshakeError as error:
            raise ValueError(f"the form {model.name!r} cannot be opened: {error.detail}") from None
        size, most = len(msgspec.json.encode(model.fields)), self._limits.session_bytes
        if size > most:
            raise ValueError(
                f"the fields of the form {model.name!r} take {size} bytes, and Limits.session_bytes is {most}"
            )
