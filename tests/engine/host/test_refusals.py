"""Errors of the frameworks: which of them are refusals, and what they say."""

from __future__ import annotations

from typing import Any

import django.core.exceptions
import django.http
import fastapi
import litestar.exceptions
import pytest
import starlette.exceptions
import werkzeug.exceptions

from handshake_prompt.engine.host.refusals import host_refusal

SAID: dict[str, tuple[Exception, str]] = {
    "Starlette": (starlette.exceptions.HTTPException(409, "Sold out"), "Sold out"),
    "Starlette without a text": (starlette.exceptions.HTTPException(403), "Forbidden"),
    "FastAPI": (fastapi.HTTPException(422, "Too much"), "Too much"),
    "FastAPI with an object": (fastapi.HTTPException(409, {"reason": "Sold out"}), "Conflict"),
    "no known status": (starlette.exceptions.HTTPException(499, ""), "Refused with status 499"),
    "Litestar": (litestar.exceptions.HTTPException(status_code=409, detail="Sold out"), "Sold out"),
    "one of Litestar's own": (litestar.exceptions.PermissionDeniedException("Not yours"), "Not yours"),
    "Quart": (werkzeug.exceptions.Conflict("Sold out"), "Sold out"),
    "Django, not theirs": (django.core.exceptions.PermissionDenied("Not yours"), "Not yours"),
    "Django, not there": (django.http.Http404(), "Not Found"),
    "Django, not as it should be": (django.core.exceptions.BadRequest("No such day"), "No such day"),
}


@pytest.mark.parametrize(("error", "text"), SAID.values(), ids=SAID)
def test_an_error_that_a_framework_answers_with_a_4xx_refuses_with_its_text(error: Exception, text: str) -> None:
    refused = host_refusal(error)
    assert refused is not None
    assert refused.reason == text


class UpstreamError(Exception):
    """An error as clients of HTTP services have them."""

    status_code = 409
    detail = "Conflict"


OTHERS: dict[str, Any] = {
    "a fault of the host's": starlette.exceptions.HTTPException(500, "Oops"),
    "a redirection": starlette.exceptions.HTTPException(303, "Elsewhere"),
    "a service that was called": UpstreamError(),
    "an abort without a status": werkzeug.exceptions.HTTPException("?"),
    "any error": ValueError("4"),
    "no error": {"status_code": 409},
    "nothing": None,
}


@pytest.mark.parametrize("answer", OTHERS.values(), ids=OTHERS)
def test_anything_else_is_no_refusal(answer: Any) -> None:
    assert host_refusal(answer) is None
