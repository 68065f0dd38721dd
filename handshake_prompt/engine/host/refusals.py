"""Refusals in the words of a host's framework: errors that it answers with a status from 400 to 499.

They are known by the names of their classes, so that no framework is loaded. A member `status_code` alone says nothing:
the error of an HTTP client, which a host's function has called, has one, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from http.client import responses
from typing import Any, NamedTuple

from .hooks import Reject


class _Words(NamedTuple):
    """Members of an error that have its status and its text."""

    status: str
    text: str


_WITH_STATUS: Mapping[str, _Words] = {
    "starlette.exceptions.HTTPException": _Words("status_code", "detail"),  # FastAPI's, too
    "litestar.exceptions.http_exceptions.HTTPException": _Words("status_code", "detail"),
    "werkzeug.exceptions.HTTPException": _Words("code", "description"),  # Quart's
    "rest_framework.exceptions.APIException": _Words("status_code", "detail"),
}
_OF_DJANGO: Mapping[str, HTTPStatus] = {
    "django.core.exceptions.BadRequest": HTTPStatus.BAD_REQUEST,
    "django.core.exceptions.PermissionDenied": HTTPStatus.FORBIDDEN,
    "django.http.response.Http404": HTTPStatus.NOT_FOUND,
}


def host_refusal(error: object) -> Reject | None:
    """Return a framework's refusal as ours, with its text or else that of its status; None for any other object."""
    for kind in type(error).__mro__:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name in _OF_DJANGO:
            return Reject(str(error) or _OF_DJANGO[name].phrase)
        if (words := _WITH_STATUS.get(name)) is not None:
            return _refusal_for(getattr(error, words.status, None), getattr(error, words.text, None))
    return None


def _refusal_for(status: Any, text: Any) -> Reject | None:
    if not isinstance(status, int) or not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    if isinstance(text, str) and text:
        return Reject(text)
    return Reject(responses.get(status, f"Refused with status {status}"))
