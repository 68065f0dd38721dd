"""Connections out of this process: proxies, certificates and cookies."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from handshake_prompt.client import HandshakeAgent, LocalSetupError, ServerUnavailableError
from handshake_prompt.client.network import proxy_for
from tests.support.agents import SESSION_ID, TOKEN
from tests.support.between import Asked, response, scripted
from tests.support.parts import absent


@pytest.mark.parametrize("base_url", ["https://a..b", "https://" + "a" * 64 + ".example"])
async def test_a_host_that_cannot_be_looked_up_is_a_server_that_is_not_there(base_url: str) -> None:
    async with HandshakeAgent(SESSION_ID, TOKEN, base_url, timeout=0.3) as agent:
        with pytest.raises(ServerUnavailableError):
            await agent.get_context()


PROXY_NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting of this machine's own count."""
    for name in (*PROXY_NAMES, *map(str.upper, PROXY_NAMES), "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("no_proxy", ["", "[::1]", "fd00::/8", "[", "a b,::/999"])
@pytest.mark.parametrize("proxy", [None, "socks5://127.0.0.1:1", "no proxy at all", "ftp://x", "http://[::1"])
async def test_what_goes_to_this_machine_does_not_go_through_a_proxy(
    proxy: str | None, no_proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b'{"sessionId": "a", "mode": "default"}'))

    async with scripted(answer) as there, scripted(answer) as server:
        for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, there.url if proxy is None else proxy)
        monkeypatch.setenv("NO_PROXY", no_proxy)
        async with HandshakeAgent(SESSION_ID, TOKEN, server.url) as agent:
            await agent.get_context()
    assert (len(server.asked), len(there.asked)) == (1, 0)


async def test_what_goes_elsewhere_goes_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b'{"sessionId": "a", "mode": "default"}'))

    async with scripted(answer) as there:
        monkeypatch.setenv("HTTP_PROXY", there.url)
        monkeypatch.setenv("NO_PROXY", "[::1],fd00::/8,other.example")
        async with HandshakeAgent(SESSION_ID, TOKEN, "http://forms.example", allow_http=True) as agent:
            await agent.get_context()
    assert [asked.target for asked in there.asked] == [f"http://forms.example/handshake/context/{SESSION_ID}"]


async def test_a_proxy_that_cannot_be_reached_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "http://me:secret@127.0.0.1:1")
    async with HandshakeAgent(SESSION_ID, TOKEN, "https://forms.example", timeout=0.2) as agent:
        with pytest.raises(
            ServerUnavailableError, match=r"forms\.example \(by the proxy that all_proxy names\)"
        ) as caught:
            await agent.get_context()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("no_proxy", "url", "is_direct"),
    [
        pytest.param("", "https://forms.example", False, id="no exception"),
        pytest.param("*", "https://forms.example", True, id="all"),
        pytest.param("forms.example", "https://forms.example", True, id="name"),
        pytest.param("FORMS.example", "https://forms.EXAMPLE", True, id="case"),
        pytest.param("example", "https://forms.example", True, id="domain"),
        pytest.param(".example", "https://forms.example", True, id="domain with a dot"),
        pytest.param("*.example", "https://forms.example", True, id="domain with a star"),
        pytest.param("s.example", "https://forms.example", False, id="end of a label"),
        pytest.param("a.example, forms.example ", "https://forms.example", True, id="second"),
        pytest.param("forms.example:8443", "https://forms.example:8443", True, id="port"),
        pytest.param("forms.example:443", "https://forms.example", True, id="usual port"),
        pytest.param("forms.example:8443", "https://forms.example", False, id="another port"),
        pytest.param("https://forms.example", "https://forms.example", True, id="URL"),
        pytest.param("10.0.0.0/8", "https://10.1.2.3", True, id="network"),
        pytest.param("10.0.0.1/8", "https://10.1.2.3", True, id="network named by an address in it"),
        pytest.param("10.0.0.0/8", "https://11.1.2.3", False, id="another network"),
        pytest.param("10.1.2.3:443", "https://10.1.2.3", True, id="address and port"),
        pytest.param("fd00::/8", "https://[fd12::3]", True, id="IPv6 network"),
        pytest.param("[fd00::]/8", "https://[fd12::3]", True, id="IPv6 network in brackets"),
        pytest.param("[fd12::3]", "https://[fd12::3]", True, id="IPv6 address in brackets"),
        pytest.param("[fd12::3]:443", "https://[fd12:0::3]", True, id="IPv6 address and port"),
        pytest.param("fd12::3", "https://[fd12::4]", False, id="another IPv6 address"),
        pytest.param("fd00::/999,[,]:,:", "https://forms.example", False, id="nonsense"),
        pytest.param("fd00::/8", "https://10.1.2.3", False, id="the other family"),
        pytest.param("a.example forms.example", "https://forms.example", True, id="blanks between"),
        pytest.param("forms.example.", "https://forms.example", True, id="a dot at the end"),
        pytest.param("forms.example", "https://forms.example.", True, id="a dot at the end of the host"),
        pytest.param("", "https://localhost.", True, id="this machine by its whole name"),
        pytest.param("", "https://[::ffff:127.0.0.1]", True, id="this machine by IPv4 in IPv6"),
        pytest.param("", "http://127.0.0.1:8000", True, id="this machine"),
        pytest.param("", "http://[::1]:8000", True, id="this machine by IPv6"),
        pytest.param("", "https://localhost", True, id="this machine by name"),
    ],
)
def test_servers_that_no_proxy_lists_are_reached_directly(no_proxy: str, url: str, is_direct: bool) -> None:  # noqa: FBT001
    found = proxy_for(httpx.URL(url), {"http": "p:1", "https": "p:1", "no": no_proxy})
    assert found == (None if is_direct else "http://p:1")


@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        pytest.param({"ALL_PROXY": "socks5://me:secret@p:1"}, "proxy_unusable", "httpx[socks]", id="SOCKS"),
        pytest.param({"HTTPS_PROXY": "ftp://me:secret@p"}, "proxy_unusable", "HTTPS_PROXY", id="scheme"),
        pytest.param({"https_proxy": "http://me:secret@[:::"}, "proxy_unusable", "https_proxy", id="address"),
        pytest.param({"https_proxy": "http://p:port"}, "proxy_unusable", "https_proxy", id="port"),
        pytest.param({"SSL_CERT_FILE": "/nowhere/ca.pem"}, "certificates_unusable", "SSL_CERT_FILE", id="no file"),
        pytest.param({"SSL_CERT_FILE": "/dev/null"}, "certificates_unusable", "SSL_CERT_FILE", id="empty file"),
        pytest.param({"SSL_CERT_FILE": "/"}, "certificates_unusable", "SSL_CERT_FILE", id="folder"),
        pytest.param({"SSLKEYLOGFILE": "/nowhere/keys"}, "certificates_unusable", "SSLKEYLOGFILE", id="key log"),
    ],
)
def test_surroundings_that_cannot_be_used_are_named_with_the_remedy(
    variables: dict[str, str], code: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LocalSetupError) as caught:
        HandshakeAgent(SESSION_ID, TOKEN, "https://forms.example")
    assert (caught.value.code, caught.value.retryable) == (code, False)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    HandshakeAgent(SESSION_ID, TOKEN, "http://127.0.0.1:8000")


@pytest.mark.parametrize(
    ("proxies", "proxy"),
    [
        pytest.param({"https": "  "}, None, id="blanks"),
        pytest.param({"https": " ", "all": "socks5://p:1"}, "socks5://p:1", id="blanks before another"),
        pytest.param({"https": " http://p:1 "}, "http://p:1", id="blanks around"),
        pytest.param({"https": "//p:1"}, "http://p:1", id="no scheme"),
        pytest.param({"https": "p:1"}, "http://p:1", id="a host alone"),
    ],
)
def test_a_proxy_is_read_however_it_is_written(proxies: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(httpx.URL("https://forms.example"), proxies) == proxy


async def test_credentials_of_a_netrc_are_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b'{"sessionId": "a", "mode": "default"}'))

    (tmp_path / "netrc").write_text("default login me password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with scripted(answer) as server, HandshakeAgent(SESSION_ID, TOKEN, server.url) as agent:
        await agent.get_context()
    assert "authorization" not in server.asked[0].headers


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*await asyncio.to_thread(self_signed, tmp_path))
    arrived = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read(65536))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, HandshakeAgent(SESSION_ID, TOKEN, url) as agent:
        with pytest.raises(ServerUnavailableError) as caught:
            await agent.get_context()
    assert (caught.value.code, caught.value.retryable) == ("untrusted_certificate", False)
    assert not any(arrived)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Return the paths of a certificate for localhost and of its key, both new."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost"]
    try:
        subprocess.run(["openssl", *kind, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        absent("openssl", "apt-get install openssl")
    return certificate, key


async def test_no_cookie_makes_an_agent_the_person() -> None:
    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b'{"sessionId": "a", "mode": "default"}', set_cookie=f"hpp_{SESSION_ID}=stolen; Path=/"))

    async with scripted(answer) as server, HandshakeAgent(SESSION_ID, TOKEN, server.url) as agent:
        await agent.get_context()
        await agent.get_context()
    assert len(server.asked) == 2
    assert not any("cookie" in asked.headers for asked in server.asked)
