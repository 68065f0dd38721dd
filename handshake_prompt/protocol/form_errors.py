"""Errors of forms by name and of lookups: of no such form, of a fixed schema, of options that cannot be had now."""

from __future__ import annotations

from .errors import InvalidRequestError, NotFoundError, UnavailableError


class UnknownFormError(InvalidRequestError):
    """400: the host application has registered no form of this name."""

    code = "unknown_form"
    title = "The server has no form of this name"
    hint = "Register it where the application is built, with hpp.form(name, model), or correct the name."


class SchemaFixedError(InvalidRequestError):
    """400: the schema is the server's own, and no page changes it."""

    code = "schema_fixed"
    title = "The schema of a form by name is the server's own"
    hint = "Leave the schema out: GET /forms/{name} has it. A page's own findings go into problems."


class FormNotFoundError(NotFoundError):
    """404: the host application has registered no form of this name."""

    code = "unknown_form"
    title = UnknownFormError.title
    hint = UnknownFormError.hint


class OptionsUnavailableError(UnavailableError):
    """503: the host application cannot tell the options now."""

    code = "options_unavailable"
    title = "The options cannot be looked up at the moment"
