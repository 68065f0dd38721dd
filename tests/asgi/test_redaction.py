"""What the servers' loggers may say of a request: everything but its credentials."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from handshake_prompt import HandshakeApp
from handshake_prompt.asgi.redaction import CUT, LOGGED_CHARS, redact
from tests.support.cost import cpu_time

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
    "name-encoded": ("GET /x?to%%6ben=%s&a=b", (SECRET,), "GET /x?to%6ben=[redacted]&a=b"),
    "name-all-encoded": ("/x?%s", (f"%74%6F%6b%65%6E={SECRET}",), "/x?%74%6F%6b%65%6E=[redacted]"),
    "value-encoded": ("%s", (f"/x?token=%71{SECRET[1:]}",), "/x?token=[redacted]"),
    "short-token": ("%s", ("/x?a=b&token=guess",), "/x?a=b&token=[redacted]"),
    "in-the-path": ("GET %s", (f"/handshake/context/{SECRET}",), "GET /handshake/context/[redacted]"),
    "in-the-path-encoded": ("%s", (f"/context/%71{SECRET[1:]}/x",), "/context/[redacted]/x"),
    "in-the-path-behind-a-slash": ("%s", (f"/context/a%2F{SECRET}",), "/context/a/[redacted]"),
    "encoded-twice": ("%s", (f"/x?tok%2565n=%2571{SECRET[1:]}",), "/x?tok%2565n=[redacted]"),
    "another-parameter": ("%s", (f"/x?key={SECRET}&token2={SECRET}",), "/x?key=[redacted]&token2=[redacted]"),
    "fragment": ("%s", (f"/x#{SECRET}",), "/x#[redacted]"),
    "quoted-cookie": (
        "< cookie: %s",
        (f'a="b"; hpp_{SESSION}="{SECRET}"',),
        f'< cookie: a="b"; hpp_{SESSION}=[redacted]"',
    ),
    "quoted-cookie-in-a-repr": (
        "%r",
        ((b"cookie", f'hpp_{SESSION}="{SECRET[:9]}"'.encode()),),
        f"(b'cookie', b'hpp_{SESSION}=[redacted]\"')",
    ),
    "pair-of-bytes": ("%s", ([(b"x-handshake-token", b"guess")],), "[(b'x-handshake-token', b'[redacted]')]"),
    "bearer-in-a-pair": ("%s", ([(b"authorization", b"Bearer guess")],), "[(b'authorization', b'Bearer [redacted]')]"),
    "pickup": ('"GET %s"', ("/handshake/pickup/7K3M-Q2VX-9HTD?a=b",), '"GET /handshake/pickup/[redacted]?a=b"'),
    "pickup-with-a-key": ("GET %s HTTP/1.1", ("/pickup/7k3m/key",), "GET /pickup/[redacted] HTTP/1.1"),
    "pickup-decoded": ("'%s'", ("/pickup/7k3m q2vx 9htd /key?a",), "'/pickup/[redacted]?a'"),
    "pickup-decoded-in-a-line": ("GET %s HTTP/1.1", ("/pickup/7K3M q2vx_9htd",), "GET /pickup/[redacted] HTTP/1.1"),
    "pickup-without-groups": ("GET %s HTTP/1.1 200", ("/pickup/7K3Mq2vx9htd",), "GET /pickup/[redacted] HTTP/1.1 200"),
    "pickup-too-short": ("GET %s HTTP/1.1 200", ("/pickup/7K3M",), "GET /pickup/[redacted] HTTP/1.1 200"),
    "pickup-encoded": ("%s", ("/p%69ck%75p/7K3M%2DQ2VX",), "/p%69ck%75p/[redacted]"),
    "pickup-in-a-parameter": ("%s", ("/x?to=%2Fpickup%2F7K3M-Q2VX-9HTD&a=b",), "/x?to=%2Fpickup%2F[redacted]"),
    "pickup-of-a-session": (f"POST /session/{SESSION}/pickup", (), f"POST /session/{SESSION}/pickup"),
    "session-id": ("GET /handshake/context/%s", (SESSION,), f"GET /handshake/context/{SESSION}"),
    "digest": ("etag %s", ("0123456789ABCDEF" * 2,), "etag " + "0123456789ABCDEF" * 2),
    "longer-name": ("%s", (f"/static/{SECRET}abc.js",), f"/static/{SECRET}abc.js"),
    "name-encoded-twice": ("%s", ("/x?%2574oken=guess",), "/x?%2574oken=[redacted]"),
    "name-encoded-thrice": ("%s", ("/x?%252574OKEN=guess",), "/x?%252574OKEN=[redacted]"),
    "in-a-redirect": ("%s", ("/x?to=%3Ftoken%3Dguess%26a",), "/x?to=%3Ftoken%3D[redacted]"),
    "in-a-redirect-of-a-redirect": ("%s", ("/x?to=%253Ftoken%253Dguess&a=b",), "/x?to=%253Ftoken%253D[redacted]&a=b"),
    "quoted": ("%s", ('/x?token="guess"&a=b',), '/x?token=[redacted]"&a=b'),
    "with-commas": ("%s", ("/x?token=a,guess;b&a=b",), "/x?token=[redacted]&a=b"),
    "list": ("%s", ("/x?token[]=guess&token%5B%5D=guess",), "/x?token[]=[redacted]&token%5B%5D=[redacted]"),
    "user-token": ("%s", ("/x?userToken=guess&user_token=guess",), "/x?userToken=[redacted]&user_token=[redacted]"),
    "in-a-fragment": ("%s", ("/x#a=b&access_token=guess",), "/x#a=b&access_token=[redacted]"),
    "json": ("%s", ('{"userToken": "guess", "a": 1}',), '{"userToken": "[redacted]", "a": 1}'),
    "dictionary": (
        "%s",
        ("{'token': 'guess', b'token': b'guess'}",),
        "{'token': '[redacted]', b'token': b'[redacted]'}",
    ),
    "value-encoded-thrice": ("%s", ("/x/" + "".join(f"%2525{ord(char):x}" for char in SECRET),), "/x/[redacted]"),
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


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "%",
        "%25",
        "token",
        "%74",
        "=",
        "token%3",
        "a=",
        '"token',
        "-",
        "hpp_",
        "A%",
        "authorization ",
        "x_",
        "/pickup",
    ],
)
def test_a_long_path_takes_little_time(unit: str) -> None:
    assert cpu_time(redact, unit * (64_000 // len(unit))) < 0.02


def test_a_long_path_is_cut_and_no_credential_with_it() -> None:
    text = f"GET {'/x' * 4000}/" + SECRET * 100
    for start in range(0, 64, 7):
        shown = redact(text[:4] + "y" * start + text[4:])
        assert shown.endswith("/x/…[cut]")
        assert len(shown) <= LOGGED_CHARS + len(CUT)
    assert redact("/?" + "token=" * LOGGED_CHARS).startswith("/?token=[redacted]")
