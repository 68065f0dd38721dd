"""The names that others may build on. Whoever adds or drops one changes this list, and the changelog."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from handshake_prompt import HandshakeApp, Limits, ProtocolEngine, open_store

EXPORTED = {
    "handshake_prompt": [
        "Credential",
        "FieldErrors",
        "HandshakeApp",
        "HandshakeError",
        "Limits",
        "MemoryStore",
        "ModeHandler",
        "NamedForm",
        "ProtocolEngine",
        "Reject",
        "Reply",
        "Role",
        "Session",
        "SessionStore",
        "SubmittedForm",
        "__version__",
        "build_prompt",
        "django_owner",
        "fastapi_owner",
        "open_store",
        "parse_prompt",
        "session_owner",
    ],
    "handshake_prompt.client": [
        "AgentError",
        "Answer",
        "BadReplyError",
        "Change",
        "Changes",
        "CredentialRefusedError",
        "Gap",
        "HandshakeAgent",
        "InsecureAddressError",
        "LocalSetupError",
        "ProblemsChanged",
        "PromptError",
        "RateLimitedError",
        "RefusedError",
        "RequestEnded",
        "RowChange",
        "ServerUnavailableError",
        "SessionEndedError",
        "pick_up",
    ],
    "handshake_prompt.engine": ["ProtocolEngine", "Statistics"],
    "handshake_prompt.modes": ["DEFAULT_HANDLERS", "DefaultHandler", "FormFillHandler", "ModeHandler", "Modes"],
    "handshake_prompt.stores": [
        "Change",
        "Claim",
        "Event",
        "Limits",
        "Loaded",
        "Log",
        "MemoryStore",
        "Notice",
        "PLAIN_VISIT",
        "PRESENCE_SECONDS",
        "Quota",
        "Receipt",
        "Record",
        "Session",
        "SessionStore",
        "StoreUnavailableError",
        "Subscriber",
        "Subscribers",
        "UnavailableError",
        "Urgency",
        "VersionConflictError",
        "Visit",
        "Window",
        "at_capacity",
        "check_room",
        "first_valid_claim",
        "hit",
        "open_store",
        "owner_digest",
        "pack_events",
        "pack_session",
        "unpack_events",
        "unpack_session",
    ],
    "handshake_prompt.stores.redis": ["RedisStore", "RedisTimings"],
    "handshake_prompt.stores.sqlite": ["SQLiteStore", "SQLiteTimings"],
    "handshake_prompt.testing": [
        "Frames",
        "InProcess",
        "InProcessTransport",
        "Page",
        "StoreContract",
        "Stores",
        "WatchClosedError",
    ],
}
"""Modules that say themselves what they export."""

DEFINED = {
    "handshake_prompt.protocol.errors": [
        "AgentRequiredError",
        "BodyLostError",
        "BodyTimeoutError",
        "ChangedError",
        "ClientDisconnectedError",
        "CloseCode",
        "ConflictError",
        "ForbiddenError",
        "HandshakeError",
        "IdempotencyMismatchError",
        "InProgressError",
        "InternalError",
        "InvalidJSONError",
        "InvalidRequestError",
        "InvalidSchemaError",
        "InvalidTokenError",
        "MethodNotAllowedError",
        "NotFoundError",
        "OriginError",
        "OtherPromptError",
        "RateLimitedError",
        "SessionClosedError",
        "SessionExpiredError",
        "SessionNotFoundError",
        "SessionRevokedError",
        "SessionSubmittedError",
        "StoreUnavailableError",
        "TooLargeError",
        "TooManyAttemptsError",
        "UnavailableError",
        "UnknownModeError",
        "UnreadableError",
        "UnsupportedMediaTypeError",
        "UserRequiredError",
        "VersionConflictError",
    ],
    "handshake_prompt.protocol.form_errors": [
        "FormNotFoundError",
        "OptionsUnavailableError",
        "SchemaFixedError",
        "UnknownFormError",
    ],
    "handshake_prompt.protocol.events": ["Change", "Cursor", "Notice", "change_record", "frame", "withheld"],
    "handshake_prompt.protocol.limits": ["Limits"],
    "handshake_prompt.texts.prompt": [
        "ParsedPrompt",
        "PromptError",
        "build_prompt",
        "check_credentials",
        "is_address",
        "is_prompt",
        "parse_prompt",
    ],
}
"""Modules whose public names are those they define without an underscore."""


@pytest.mark.parametrize("name", EXPORTED)
def test_a_module_exports_exactly_the_listed_names(name: str) -> None:
    module = importlib.import_module(name)
    assert sorted(module.__all__) == EXPORTED[name]
    assert all(hasattr(module, public) for public in module.__all__)


@pytest.mark.parametrize("name", DEFINED)
def test_a_module_defines_exactly_the_listed_names(name: str) -> None:
    module = importlib.import_module(name)
    defined = [
        public
        for public, thing in vars(module).items()
        if not public.startswith("_") and getattr(thing, "__module__", None) == name
    ]
    assert sorted(defined) == DEFINED[name]


def test_a_star_import_brings_the_listed_names_and_nothing_else() -> None:
    namespace: dict[str, object] = {}
    exec("from handshake_prompt import *", namespace)
    assert sorted(namespace.keys() - {"__builtins__"}) == EXPORTED["handshake_prompt"]


def test_what_is_imported_when_asked_for_is_what_type_checkers_are_told() -> None:
    package = importlib.import_module("handshake_prompt")
    tree = ast.parse(inspect.getsource(package))
    told = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    assert told.pop("__version__") == "version"  # which is read at once
    assert told == package._HOMES
    assert sorted([*told, "__version__"]) == EXPORTED["handshake_prompt"]


def test_names_that_are_none_are_refused_as_everywhere() -> None:
    package = importlib.import_module("handshake_prompt")
    with pytest.raises(AttributeError, match="'handshake_prompt' has no attribute 'HandshakeAp'"):
        _ = package.HandshakeAp
    assert set(EXPORTED["handshake_prompt"]) <= set(dir(package))


@pytest.mark.parametrize("public", EXPORTED["handshake_prompt"])
def test_every_public_name_says_what_it_is(public: str) -> None:
    thing = getattr(importlib.import_module("handshake_prompt"), public)
    assert isinstance(thing, str) or (thing.__doc__ or "").strip()


REPRS: dict[str, tuple[Callable[[Path], object], str]] = {
    "application": (lambda _: HandshakeApp(), "<HandshakeApp at /handshake on <MemoryStore of 0 sessions>>"),
    "engine": (lambda _: ProtocolEngine(), "<ProtocolEngine on <MemoryStore of 0 sessions>>"),
    "file": (lambda folder: open_store(f"sqlite:///{folder}/a.db"), "<SQLiteStore {folder}/a.db>"),
    "form": (lambda _: ProtocolEngine().form("a", [{"key": "b"}]), "<NamedForm 'a' of 1 field>"),
    "limits": (lambda _: Limits(fields=3, long_poll=2.5), "Limits(fields=3, long_poll=2.5)"),
}


@pytest.mark.parametrize(("make", "shown"), REPRS.values(), ids=REPRS)
def test_what_a_host_holds_shows_what_it_is_in_a_debugger(
    make: Callable[[Path], object], shown: str, tmp_path: Path
) -> None:
    assert repr(make(tmp_path)) == shown.format(folder=tmp_path)
