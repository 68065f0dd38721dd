"""Posted form: the values of an ordinary HTML form post, or of a JSON object, out of the request of any framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request as StarletteRequest

from handshake_prompt.protocol import bodies
from handshake_prompt.protocol.errors import InvalidRequestError, TooLargeError, UnsupportedMediaTypeError
from handshake_prompt.protocol.limits import Limits

from .bodies import MOST_DIGITS
from .cookies import announced
from .requests import connection_of

SESSION, DIGEST = "handshakeSession", "handshakeDigest"
"""Members that name the session, and the digest of what the page shows."""
JSON, FORM, MULTIPART = "application/json", "application/x-www-form-urlencoded", "multipart/form-data"
DELIMITER = len("----\r\n")
"""Of a multipart form without parts: it is that around the boundary, which the content type has, too."""


class PostedForm(NamedTuple):
    """A posted form.

    `texts`: the values are texts, each name with all it was posted with, as an HTML form sends them; else JSON values.
    """

    session_id: str | None
    digest: str | None
    values: Mapping[str, Any]
    texts: bool


async def read_named(request: Any, limits: Limits) -> PostedForm | None:
    """Read the body of a request that names a session; None if it names none.

    The post of a host's own script has no members of ours: then the cookie names the session, see `announced`. Its
    body is in whatever shape the host takes, so the values are those that the page has shown.

    Raises:
        HandshakeError, TypeError: see `read_posted`.
    """
    posted = await read_posted(request, limits)
    if posted.session_id is None:
        session_id, digest = announced(connection_of(request))
        return PostedForm(session_id, digest, {}, texts=False) if session_id else None
    return posted


async def read_posted(request: Any, limits: Limits) -> PostedForm:
    """Read the body of a request of Starlette, FastAPI, Litestar, Quart or Django; the host may have read it before.

    Raises:
        UnsupportedMediaTypeError: it is neither a form nor JSON.
        InvalidRequestError: it is not what it says, or the host has read it as a stream.
        TooLargeError: it is larger than a body may be; one with files is the framework's to bound.
        TypeError: the request is none of these frameworks'.
    """
    headers = connection_of(request).headers
    if not _is_readable(request):
        kinds = "Starlette, FastAPI, Litestar, Quart or Django"
        raise TypeError(f"The body of a {type(request).__name__} cannot be read: it has to be a request of {kinds}")
    content_type = headers.get("content-type", "")
    kind, length = content_type.partition(";")[0].strip().lower(), _length(headers.get("content-length", ""))
    if kind != MULTIPART and length > limits.body_bytes:
        raise _too_large(limits)
    if _is_consumed(request, kind):
        raise _lost()
    if kind == JSON:
        body = await _body(request, limits)
        if length and not body:
            raise _lost()
        return _json_form(bodies.decode(dict[str, Any], body))
    if kind not in (FORM, MULTIPART):
        raise UnsupportedMediaTypeError(f"Post the form as {FORM}, {MULTIPART} or {JSON}")
    pairs = await _pairs(request, limits, is_multipart=kind == MULTIPART)
    if not pairs and length > (len(content_type) + DELIMITER if kind == MULTIPART else 0):
        raise _lost()
    return _text_form(pairs)


def _json_form(members: Mapping[str, Any]) -> PostedForm:
    names = {name: members.get(name) for name in (SESSION, DIGEST)}
    if not all(name is None or isinstance(name, str) for name in names.values()):
        raise InvalidRequestError(f"{SESSION} and {DIGEST} have to be texts")
    values = {name: value for name, value in members.items() if name not in names}
    return PostedForm(names[SESSION], names[DIGEST] or None, values, texts=False)


def _text_form(pairs: Sequence[tuple[str, Any]]) -> PostedForm:
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        if isinstance(name, str) and isinstance(text, str):  # a file is no value of a field
            texts.setdefault(name, []).append(text)
    named = [texts.pop(name)[0] if name in texts else None for name in (SESSION, DIGEST)]
    return PostedForm(named[0], named[1] or None, texts, texts=True)


async def _body(request: Any, limits: Limits) -> bytes:
    """Return a body, of which no length need be announced.

    Raises:
        TooLargeError: it is larger than a body may be. Starlette bounds none: of its requests no more is read.
    """
    if isinstance(request, StarletteRequest) and not hasattr(request, "_body"):
        read = bytearray()
        async for chunk in request.stream():
            read += chunk
            if len(read) > limits.body_bytes:
                raise _too_large(limits)
        request._body = raw = bytes(read)  # noqa: SLF001 - where Starlette keeps it for those who read it again
    elif _is_django(request):
        raw = bytes(request.body)
    else:
        raw = await (request.get_data() if _is_quart(request) else request.body())
    if len(raw) > limits.body_bytes:
        raise _too_large(limits)
    return raw


def _length(header: str) -> int:
    """Return an announced length, 0 for none; a number of thousands of digits is cut, since Python reads none."""
    digits = header.lstrip("0")[:MOST_DIGITS]
    return int(digits) if digits.isdecimal() else 0


def _too_large(limits: Limits) -> TooLargeError:
    return TooLargeError(f"A form may have {limits.body_bytes} bytes", code="body_too_large")


def _lost() -> InvalidRequestError:
    return InvalidRequestError(
        "The application has read the body as a stream, and nothing is left of it",
        code="body_lost",
        next_steps=["Read it as the framework keeps it: by body(), form() or json(), in Django by body."],
    )


async def _pairs(request: Any, limits: Limits, *, is_multipart: bool) -> Sequence[tuple[str, Any]]:
    """Return the names and texts of a form, in order.

    Raises:
        InvalidRequestError: it is malformed in a way that the framework's parser does not foresee.
    """
    if _is_django(request):
        return [(name, text) for name, texts in request.POST.lists() for text in texts]
    if not is_multipart and not _is_quart(request):
        try:  # needs no parser of the framework's
            return parse_qsl((await _body(request, limits)).decode(errors="replace"), keep_blank_values=True)
        except RuntimeError:  # the host has read it as a form already, and Starlette keeps that
            pass
    try:
        if _is_quart(request):
            return list((await request.form).items(multi=True))
        form = await request.form()
    except (UnicodeError, LookupError):  # out of Litestar's parser, and Quart's
        raise InvalidRequestError("A part of the form has no name, or is not in its charset") from None
    pairs: Sequence[tuple[str, Any]] = form.multi_items()
    return pairs


def _is_consumed(request: Any, kind: str) -> bool:
    """Whether a host of Starlette, Litestar or Django has read a body in a way that leaves nothing of it."""
    if isinstance(request, StarletteRequest):
        is_read = request._stream_consumed  # noqa: SLF001 - as above: nothing else tells
        return is_read and not hasattr(request, "_body") and request._form is None  # noqa: SLF001
    if _is_litestar(request) and request.is_connected is False:
        parsed = request._connection_state.form  # noqa: SLF001 - a view's own argument `data` is there, too
        return not isinstance(request._body, bytes) and not isinstance(parsed, dict)  # noqa: SLF001
    if not getattr(request, "_read_started", False) or hasattr(request, "_body"):  # Django's
        return False
    return kind == JSON or not hasattr(request, "_post")


def _is_readable(request: Any) -> bool:
    is_starlettes = isinstance(request, StarletteRequest)
    return is_starlettes or _is_litestar(request) or _is_django(request) or _is_quart(request)


def _is_litestar(request: Any) -> bool:
    return hasattr(request, "is_connected") and hasattr(request, "_connection_state")


def _is_django(request: Any) -> bool:
    return hasattr(request, "META") and hasattr(type(request), "POST")  # its own would be read by the look


def _is_quart(request: Any) -> bool:
    return hasattr(request, "get_data") and hasattr(request, "get_json")
