"""Addresses that the token may be sent to, and all others."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.client import (
    HandshakeAgent,
    InsecureAddressError,
)
from tests.support.agents import BASE_URL, SESSION_ID, TOKEN


@pytest.mark.parametrize(
    "base_url",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1:8000",
        "http://0.0.0.0:8000",
        "http://[2001:db8::1]",
        "HTTP://EXAMPLE.COM",
        "http://2130706433",
    ],
)
def test_the_token_is_not_sent_in_the_clear_over_a_network(base_url: str) -> None:
    with pytest.raises(InsecureAddressError) as caught:
        HandshakeAgent(SESSION_ID, TOKEN, base_url)
    assert caught.value.code == "insecure_address"
    assert "https://" in str(caught.value)
    HandshakeAgent(SESSION_ID, TOKEN, base_url, allow_http=True)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://localhost:8000",
        "http://LOCALHOST:8000",
        "http://app.localhost",
        "http://localhost.:8000",
        "http://[::ffff:127.0.0.1]:8000",
        "http://127.0.0.1",
        "http://127.9.9.9:1",
        "http://[::1]:8000/root",
        "https://example.com",
    ],
)
def test_this_machine_and_https_are_safe_enough(base_url: str) -> None:
    assert HandshakeAgent(SESSION_ID, TOKEN, base_url).base_url == base_url


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"session_id": "../" * 10 + "ab"}, "sessionId", id="session id that is a path"),
        pytest.param({"token": TOKEN + "\r\nX-Evil: 1"}, "token", id="token that is a header"),
        pytest.param({"token": "short"}, "token", id="short token"),
        pytest.param({"base_url": "https://user:pass@example.com"}, "baseUrl", id="user in the address"),
        pytest.param({"base_url": "ftp://example.com"}, "baseUrl", id="scheme"),
        pytest.param({"base_url": "https://example.com:99999"}, "cannot be used", id="port"),
        pytest.param({"base_url": "https://[:::::]"}, "cannot be used", id="host that looks like one"),
        pytest.param({"prefix": "@evil.example"}, "prefix", id="prefix that moves the host"),
        pytest.param({"prefix": ".evil.example/x"}, "prefix", id="prefix that lengthens the host"),
        pytest.param({"timeout": 0}, "positive number of seconds", id="no time"),
        pytest.param({"timeout": float("inf")}, "positive number of seconds", id="all the time"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_sent(given: dict[str, Any], message: str) -> None:
    usual: dict[str, Any] = {"session_id": SESSION_ID, "token": TOKEN, "base_url": BASE_URL}
    with pytest.raises(ValueError, match=message) as caught:
        HandshakeAgent(**(usual | given))
    assert "token" not in given or given["token"] not in str(caught.value)
