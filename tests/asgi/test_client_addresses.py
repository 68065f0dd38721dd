"""Addresses that rates are kept by: one client, one counter, and a word where there can be none."""

from __future__ import annotations

import logging

import httpx
import pytest

from handshake_prompt import HandshakeApp, Limits
from handshake_prompt.asgi.client_addresses import warn_of_trusted_forwarding
from handshake_prompt.asgi.server_command import ServerCommand
from tests.support.in_process import client

FEW = Limits(creates_per_address=2)


async def created_from(hpp: HandshakeApp, address: str) -> int:
    async with client(hpp, client=(address, 1)) as http:
        return (await http.post("/handshake/session", json={})).status_code


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["2001:db8::1", "2001:db8::2:1", "2001:db8:0:0:ffff::"], id="one IPv6 network"),
        pytest.param(["203.0.113.7", "::ffff:203.0.113.7", "::ffff:cb00:7107"], id="one IPv4 address"),
    ],
)
async def test_one_client_with_many_addresses_has_one_rate(addresses: list[str]) -> None:
    hpp = HandshakeApp(limits=FEW)
    assert [await created_from(hpp, address) for address in addresses] == [200, 200, 429]


async def test_networks_next_door_have_rates_of_their_own() -> None:
    hpp = HandshakeApp(limits=FEW)
    addresses = ["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1"]
    assert [await created_from(hpp, address) for address in addresses] == [200, 200, 200]


async def test_a_server_without_addresses_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    hpp = HandshakeApp()
    transport = httpx.ASGITransport(hpp, client=None)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING, "handshake_prompt"):
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            for _ in range(2):
                assert (await http.post("/session", json={})).status_code == 200
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == [
        "The server knows no address of its clients"
    ]


@pytest.mark.parametrize(
    ("argv", "environ", "warned"),
    [
        pytest.param(["uvicorn", "--forwarded-allow-ips", "*", "app:app"], {}, True, id="option"),
        pytest.param(["uvicorn", "--forwarded-allow-ips=*"], {}, True, id="joined"),
        pytest.param(["uvicorn", "app:app"], {"FORWARDED_ALLOW_IPS": "*"}, True, id="variable"),
        pytest.param(["uvicorn", "app:app"], {"UVICORN_FORWARDED_ALLOW_IPS": "*"}, True, id="uvicorn's own"),
        pytest.param(["gunicorn", "--forwarded-allow-ips=*", "-b", "0.0.0.0:80"], {}, True, id="gunicorn"),
        pytest.param(["uvicorn", "--forwarded-allow-ips", "*", "--uds", "/run/app.sock"], {}, False, id="unix socket"),
        pytest.param(["gunicorn", "--forwarded-allow-ips=*", "-b", "unix:app.sock"], {}, False, id="gunicorn's socket"),
        pytest.param(["uvicorn", "--forwarded-allow-ips", "10.0.0.2"], {}, False, id="the proxy"),
        pytest.param(["uvicorn", "app:app"], {}, False, id="default"),
    ],
)
def test_addresses_that_any_peer_can_make_up_are_told_of(
    argv: list[str], environ: dict[str, str], caplog: pytest.LogCaptureFixture, *, warned: bool
) -> None:
    warn_of_trusted_forwarding(ServerCommand(argv, environ))
    assert ("X-Forwarded-For" in caplog.text) is warned
