"""What the servers' loggers may say of a request: everything but its credentials."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from handshake_prompt import HandshakeApp

SESSION = "0123456789abcdef" * 2
SECRET = "q1W2e3R4t5Y6u7I8o9P0_-aSdFgHjKlZ"


class Atoms(dict[str, Any]):
    """Arguments of an access log that has a dash for whatever a request lacks, like hypercorn's."""

    def __missing__(self, name: str) -> str:
        return "-"


RECORDS: dict[str, tuple[str, tuple[Any, ...], str]] = {
    "access": (
        '%s - "%s %s HTTP/%s" %d',
        ("::1", "GET", f"/context/1?a=b&token={SECRET}&c=d", "1.1", 200),
        '::1 - "GET /context/1?a=b&token=[redacted]&c=d HTTP/1.1" 200',
    ),
    "handshake": (
        '"WebSocket %s" [accepted]',
        (f"/ws/1?token={SECRET}",),
        '"WebSocket /ws/1?token=[redacted]" [accepted]',
    ),
    "in-the-message": (f"GET /?TOKEN={SECRET}", (), "GET /?TOKEN=[redacted]"),
    "scope": (
        "scope=%s",
        ({"query_string": f"token={SECRET}".encode()},),
        "scope={'query_string': b'token=[redacted]'}",
    ),
    "subprotocols": ("offers %s", (["hpp.v1", f"hpp.bearer.{SECRET}"],), "offers ['hpp.v1', 'hpp.bearer.[redacted]']"),
    "user-subprotocol": ("offers %s", (f"hpp.v1, hpp.user.{SECRET}",), "offers hpp.v1, hpp.user.[redacted]"),
    "cookie": (
        "%s: %s",
        ("cookie", f"a=b; hpp_{SESSION}={SECRET}; c=d"),
        f"cookie: a=b; hpp_{SESSION}=[redacted]; c=d",
    ),
    "secure-cookie": ("%s", (f"__Host-hpp_{SESSION}={SECRET}",), f"__Host-hpp_{SESSION}=[redacted]"),
    "agent-header": ("< %s: %s", ("x-handshake-token", SECRET), "< x-handshake-token: [redacted]"),
    "user-header": ("< %s: %s", ("X-Handshake-User-Token", SECRET), "< X-Handshake-User-Token: [redacted]"),
    "bearer": ("< %s: %s", ("authorization", f"Bearer {SECRET}"), "< authorization: Bearer [redacted]"),
    "atoms": ("%(R)s %(x)s", (Atoms(R=f"GET /?token={SECRET}"),), "GET /?token=[redacted] -"),
    "nothing-of-ours": ("%s %s", ("/?page=2&mytoken=x", 7), "/?page=2&mytoken=x 7"),
}


def logged(logger: str, message: str, args: tuple[Any, ...]) -> logging.LogRecord:
    """Return what a logger's handlers get to see."""
    HandshakeApp()
    record = logging.getLogger(logger).makeRecord(logger, logging.INFO, __file__, 1, message, args, None)
    assert logging.getLogger(logger).filter(record)
    return record


@pytest.mark.parametrize("logger", ["uvicorn.access", "uvicorn.error", "hypercorn.access", "granian.access"])
@pytest.mark.parametrize(("message", "args", "said"), RECORDS.values(), ids=RECORDS.keys())
def test_a_server_logs_a_request_without_its_credentials(
    logger: str, message: str, args: tuple[Any, ...], said: str
) -> None:
    assert logged(logger, message, args).getMessage() == said


def test_arguments_stay_in_their_places_for_formatters_that_pick_them_out() -> None:
    message, args, _ = RECORDS["access"]
    record = logged("uvicorn.access", message, args)
    assert record.args == ("::1", "GET", "/context/1?a=b&token=[redacted]&c=d", "1.1", 200)


def test_a_log_call_with_the_wrong_arguments_is_left_to_logging_to_report() -> None:
    assert logged("uvicorn.error", "%d %s", ("one",)).args == ("one",)


def test_many_applications_filter_once() -> None:
    HandshakeApp()
    before = list(logging.getLogger("uvicorn.error").filters)
    HandshakeApp()
    assert logging.getLogger("uvicorn.error").filters == before
