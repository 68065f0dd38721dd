"""OpenAPI 3.1 description of the HTTP endpoints, generated from the shapes that requests are parsed into."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from handshake_prompt.protocol import bodies, decisions, errors, messages, session_messages
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.mount import PROTOCOL_VERSION

from .page_sources import KEPT, MODULES

_AGENT: list[dict[str, list[str]]] = [{"agentToken": []}, {"agentBearer": []}, {"agentQuery": []}]
_USER: list[dict[str, list[str]]] = [{"userToken": []}, {"userCookie": []}]

_PLACEHOLDER = re.compile(r"/\{(?!key)\w+\}|[{}]")
_COMMON = (400, 403, 404, 405, 429, 500, 503)
_BODY = (408, 413, 415)


class _Endpoint(NamedTuple):
    method: str
    path: str
    summary: str
    reply: type | None
    body: type | None = None
    security: list[dict[str, list[str]]] = []  # noqa: RUF012 - a NamedTuple's default, never changed
    errors: tuple[int, ...] = _COMMON
    query: tuple[tuple[str, str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    texts: tuple[str, ...] = ()
    """Media types it can answer with besides JSON."""


_ENDPOINTS = (
    _Endpoint("post", "/session", "Open a session", session_messages.SessionCreated, bodies.CreateRequest,
              errors=(400, 403, 405, *_BODY, 429, 500, 503)),
    _Endpoint("get", "/session/{sid}", "How a session stands", session_messages.SessionStatus, security=_AGENT + _USER),
    _Endpoint("delete", "/session/{sid}", "Revoke a session (the person)", session_messages.Done, security=_USER),
    _Endpoint("post", "/session/{sid}/extend", "Give a session more time", session_messages.Extended,
              bodies.ExtendRequest, security=_AGENT + _USER, errors=(*_COMMON, *_BODY, 409)),
    _Endpoint("post", "/session/{sid}/rotate", "Replace the agent's token (the person)", session_messages.Rotated,
              bodies.RotateRequest, security=_USER, errors=(*_COMMON, *_BODY, 409)),
    _Endpoint("post", "/session/{sid}/pickup", "Give a session a one-time code (the person)",
              session_messages.PickupOpened, bodies.PickupRequest, security=_USER, errors=(*_COMMON, *_BODY, 409)),
    *(_Endpoint(method, path, "Exchange a one-time code for the prompt", None, errors=(*_COMMON, 409),
                headers=(("Idempotency-Key", "Known to this client alone: with it the exchange can be repeated"),),
                texts=("text/plain", "text/markdown", "text/html"))
      for path in ("/pickup/{code}", "/pickup/{code}/{key}") for method in ("get", "post")),
    _Endpoint("get", "/context/{sid}", "The state of the page", messages.Context, security=_AGENT + _USER,
              headers=(("If-None-Match", "The ETag of the state that is known: answered with 304 if it is still so"),),
              texts=("text/markdown",)),
    _Endpoint("post", "/action/{sid}", "Carry out actions (the agent)", messages.ActionReply, bodies.ActionRequest,
              security=_AGENT, errors=(*_COMMON, *_BODY, 409, 422),
              headers=(("Idempotency-Key", "One key, one effect, however often the request is sent"),)),
    _Endpoint("post", "/notify/{sid}", "Edit or release a field (the person)", messages.NotifyReply,
              bodies.NotifyRequest, security=_USER, errors=(*_COMMON, *_BODY, 409)),
    _Endpoint("post", "/submit/{sid}", "Submit what the page shows (the person)", decisions.SubmissionReceipt,
              bodies.SubmitRequest, security=_USER, errors=(*_COMMON, *_BODY, 409, 422)),
    _Endpoint("post", "/revert/{sid}", "Put back what the agent wrote over (the person)", decisions.Reverted,
              bodies.RevertRequest, security=_USER, errors=(*_COMMON, *_BODY, 409)),
    _Endpoint("post", "/paste/{sid}", "Preview or apply an agent's answer (the person)", messages.PasteReply,
              bodies.PasteRequest, security=_USER, errors=(*_COMMON, *_BODY, 409)),
    _Endpoint("post", "/ask/{sid}", "Ask the person (the agent)", decisions.Asked, bodies.AskRequest,
              security=_AGENT, errors=(*_COMMON, *_BODY, 409, 422),
              headers=(("Idempotency-Key", "One key, one question, however often the request is sent"),)),
    _Endpoint("delete", "/ask/{sid}/{request}", "Withdraw a request (the agent)", decisions.Ended, security=_AGENT,
              errors=(*_COMMON, 409)),
    _Endpoint("post", "/answer/{sid}/{request}", "Decide on a request (the person)", decisions.Ended,
              bodies.AnswerRequest, security=_USER, errors=(*_COMMON, *_BODY, 409)),
    _Endpoint("get", "/diff/{sid}", "What changed", messages.Diff, security=_AGENT + _USER,
              query=(("since", "string", "A cursor, or an ISO 8601 instant"),
                     ("wait", "number", "Seconds to wait for the first change"))),
    _Endpoint("get", "/events/{sid}", "Everything live, as server-sent events", None, security=_AGENT + _USER,
              query=(("after", "string", "The cursor of the last event that was read"),
                     ("visible", "string", "false: from a page that is not in view")),
              headers=(("Last-Event-ID", "The same, as browsers send it when they come again"),),
              texts=("text/event-stream",)),
    _Endpoint("get", "/options/{sid}", "Options of a field with a lookup", messages.OptionsReply,
              security=_AGENT + _USER,
              query=(("key", "string", "The field's key"), ("q", "string", "Letters that value or label have"))),
    _Endpoint("get", "/forms/{name}", "A form of the host application's", messages.FormDescription,
              errors=(404, 405, 500),
              headers=(("If-None-Match", "The ETag of the description that is known"),)),
)  # fmt: skip


def openapi(server: str, limits: Limits) -> dict[str, Any]:
    """Return the description of a server with its endpoints below the path `server`."""
    shapes = {shape for endpoint in _ENDPOINTS for shape in (endpoint.reply, endpoint.body) if shape is not None}
    ordered = sorted({*shapes, messages.Problem}, key=lambda shape: shape.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    for schema in schemas.values():  # a docstring is for readers of the source, and absent under `python -OO`
        schema.pop("description", None)
    paths: dict[str, dict[str, Any]] = {
        "/": {"get": _plain("Name, protocol version, limits, links", "application/json")},
        **_modules(),
        "/openapi.json": {"get": _plain("This description", "application/json")},
    }
    for endpoint in _ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method] = _operation(endpoint, limits)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Handshake Prompt Protocol",
            "version": PROTOCOL_VERSION,
            "description": "Hands a web page to its person's own AI agent. SPEC.md describes the protocol.",
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SECURITY_SCHEMES, "headers": _HEADERS},
    }


_SECURITY_SCHEMES = {
    "agentToken": {"type": "apiKey", "in": "header", "name": "X-Handshake-Token"},
    "agentBearer": {"type": "http", "scheme": "bearer"},
    "agentQuery": {"type": "apiKey", "in": "query", "name": "token"},
    "userToken": {"type": "apiKey", "in": "header", "name": "X-Handshake-User-Token"},
    "userCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "hpp_{sid}",
        "description": "Named after the session; over https with the prefix __Host-",
    },
}

_HEADERS = {
    "RateLimit-Policy": {"schema": {"type": "string"}, "example": '"session";q=60;w=60'},
    "RateLimit": {"schema": {"type": "string"}, "example": '"session";r=57;t=12'},
}

_SESSION_ID = {
    "name": "sid",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}

_WITHOUT_BODY = frozenset(f"/session/{{sid}}/{name}" for name in ("pickup", "rotate"))
"""Paths of requests that may come without the body they take."""
_FORM = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
_REQUEST = {"name": "request", "in": "path", "required": True, "schema": {"type": "string"}}
_CODE = {"name": "code", "in": "path", "required": True, "schema": {"type": "string"}}
_KEY = {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}
_MODULE = {"name": "name", "in": "path", "required": True, "schema": {"enum": list(MODULES)}}
_DIGEST = {"name": "digest", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"}}
_PART = {"name": "part", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[a-z_]+\\.js$"}}


def _operation(endpoint: _Endpoint, limits: Limits) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": f"{endpoint.method}_{_PLACEHOLDER.sub('', endpoint.path).strip('/').replace('/', '_')}",
        "parameters": _parameters(endpoint),
        "responses": {"200": _success(endpoint), **{str(s): _failure(s) for s in sorted(set(endpoint.errors))}},
    }
    if endpoint.security:
        operation["security"] = endpoint.security
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": endpoint.path not in _WITHOUT_BODY,
            "description": f"At most {limits.body_bytes} bytes.",
            "content": {"application/json": {"schema": _ref(endpoint.body)}},
        }
    return operation


def _parameters(endpoint: _Endpoint) -> list[dict[str, Any]]:
    named = {"{sid}": _SESSION_ID, "{name}": _FORM, "{request}": _REQUEST, "{code}": _CODE, "{key}": _KEY}
    path = [parameter for name, parameter in named.items() if name in endpoint.path]
    query = [
        {"name": name, "in": "query", "description": text, "schema": {"type": kind}}
        for name, kind, text in endpoint.query
    ]
    headers = [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in endpoint.headers
    ]
    return [*path, *query, *headers]


def _success(endpoint: _Endpoint) -> dict[str, Any]:
    content: dict[str, Any] = {text: {"schema": {"type": "string"}} for text in endpoint.texts}
    if endpoint.reply is not None:
        content["application/json"] = {"schema": _ref(endpoint.reply)}
    response: dict[str, Any] = {"description": "Done", "content": content}
    if endpoint.security:
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
    return response


def _failure(status: int) -> dict[str, Any]:
    codes = sorted({error.code for error in _all_errors() if error.status == status})
    return {
        "description": "One of: " + ", ".join(codes),
        "content": {"application/problem+json": {"schema": _ref(messages.Problem)}},
    }


def _all_errors() -> list[type[errors.HandshakeError]]:
    found, pending = [], [errors.HandshakeError]
    while pending:
        found.append(pending.pop())
        pending.extend(found[-1].__subclasses__())
    return found


def _modules() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for name in MODULES:
        paths[f"/{name}.js"] = {"get": _script("A module of the page's side")}
        paths[f"/{name}/{{part}}"] = {"get": _script(f"A module that `{name}.js` imports", _PART)}
    about = "The same at an address of its contents, to be kept"
    paths[f"/{KEPT}/{{digest}}/{{part}}"] = {"get": _script(about, _DIGEST, _PART)}
    paths[f"/{KEPT}/{{digest}}/{{name}}/{{part}}"] = {"get": _script(about, _DIGEST, _MODULE, _PART)}
    return paths


def _script(summary: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    return _plain(summary, "text/javascript", **({"parameters": list(parameters)} if parameters else {}))


def _plain(summary: str, media_type: str, **members: object) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": "Done", "content": {media_type: {}}}}, **members}


def _ref(shape: type) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{shape.__name__}"}
