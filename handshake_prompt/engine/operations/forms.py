"""Operations on the host's own forms: registration by the host, and their description for pages. SPEC.md section 4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, Unpack, overload

from handshake_prompt.engine.access.guard import Operation
from handshake_prompt.engine.host.named_forms import NamedForm, NamedForms
from handshake_prompt.forms.form_model import Validator
from handshake_prompt.forms.form_options import FormOptions
from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.form_errors import FormNotFoundError, UnknownFormError
from handshake_prompt.protocol.replies import Reply

from .base import Operations

T = TypeVar("T")


class FormOperations(Operations):
    """Forms by name."""

    _forms: NamedForms

    @overload
    def form(
        self, name: str, model: type[T], *, validator: Validator | None = None, **options: Unpack[FormOptions]
    ) -> NamedForm[T]: ...

    @overload
    def form(
        self, name: str, model: object, *, validator: Validator | None = None, **options: Unpack[FormOptions]
    ) -> NamedForm[Any]: ...

    def form(
        self,
        name: str,
        model: Any,
        *,
        validator: Validator | None = None,
        sensitive: Iterable[str] = (),
        person: Iterable[str] = (),
        read_only: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
        groups: Mapping[str, Iterable[str]] | None = None,
        order: Sequence[str] = (),
        defaults: Mapping[str, Any] | None = None,
    ) -> NamedForm[Any]:
        """Register a form, which pages then open by its name: `POST /session` with `{"form": name}`.

        Args:
            name: up to 64 letters, digits, dots, dashes and underscores.
            model: a Pydantic model, a dataclass, a TypedDict, an attrs class, a `msgspec.Struct`, a JSON Schema
                document, a Django form class, or a list of fields.
            validator: rules beside the model's own, async or plain: `validator(document)` answers nothing, texts by
                key, or a list of texts and of objects with `keys` and `msg`; or it raises `FieldErrors`. A key is
                that of a field, or a path in the document. It has five seconds, and never refuses a write.
            sensitive: keys of fields with values that no agent sees.
            person: keys of fields that the person alone may fill.
            read_only: keys of fields that nobody writes.
            labels: texts by key.
            groups: keys by the heading they stand under.
            order: keys that come first.
            defaults: values by key that a session begins with, in the place of the model's own.

        Keys of fields in rows are written without a row: `lines/iban`.

        Raises:
            RuntimeError: the engine has served a request before.
            ValueError: the name is taken or cannot stand in a path, an option names no field, or the model's schema
                cannot be honoured.
            TypeError: the model is none of these.
            ImportError: what validates the model is not installed.
        """
        if self._is_ready:
            raise RuntimeError(f"register the form {name!r} where the application is built: it is serving already")
        return self._forms.add(
            name,
            model,
            validator=validator,
            sensitive=sensitive,
            person=person,
            read_only=read_only,
            labels=labels,
            groups=groups,
            order=order,
            defaults=defaults,
        )

    def has_form(self, name: str) -> bool:
        """Tell whether a form of this name is registered."""
        return self._forms.get(name) is not None

    async def get_options(
        self,
        session_id: str,
        credential: Credential | str | None = None,
        request: object = None,
        *,
        key: str = "",
        query: str = "",
    ) -> Reply:
        """Look up the options of a field that a text is about: `GET /options/{sid}?key=&q=`.

        Raises:
            HandshakeError: see `Guard.admit` and `Lookups.find_options`.
        """
        worker = self._workers.here
        async with self._admitted(worker, Operation.OPTIONS, session_id, credential, request) as admission:
            return Reply(await worker.lookups.find_options(admission.session, key, query), quota=admission.quota)

    async def get_form(self, name: str) -> Reply:
        """Describe a form, so that a page can be drawn from it: `GET /forms/{name}`.

        Raises:
            FormNotFoundError: the host has registered none of this name.
        """
        try:
            form = self._forms.named(name)
        except UnknownFormError:
            raise FormNotFoundError from None
        return Reply(form.description, etag=form.etag)
