"""The deployment of the stores' README: its nginx configuration, in front of two real workers over one store."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.support.parts import absent
from tests.support.peer import PATIENCE, open_session
from tests.support.serving import free_port
from tests.support.workers import Worker, working

README = Path(__file__).parents[2] / "handshake_prompt/stores/README.md"
FRAME = """
pid {folder}/nginx.pid;
daemon off;
error_log {folder}/main.err;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


def configuration(folder: Path, port: int, workers: Sequence[Worker]) -> str:
    """Return the README's configuration with this machine's places in the place of the example's."""
    (block,) = re.findall(r"```nginx\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    upstream = "".join(f"server 127.0.0.1:{worker.port}; " for worker in workers)
    for example, ours in (
        ("server 127.0.0.1:8001;", upstream),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("server_name example.com;", "server_name localhost;"),
        ("/etc/ssl/example.com", f"{folder}/localhost"),
        ("/var/log/nginx/", f"{folder}/"),
    ):
        assert example in block
        block = block.replace(example, ours)
    return FRAME.format(folder=folder, server=block)


def certify(folder: Path) -> Path:
    """Make a certificate for this machine, and return where it is."""
    certificate = folder / "localhost.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(folder / "localhost.key"), "-out", str(certificate)]
    subprocess.run(
        [*command, *names, *files],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return certificate


@pytest.fixture(params=["proxy_buffering off;", ""], ids=["as the README has it", "buffering as it is by default"])
def behind_nginx(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Path, Sequence[Worker]]]:
    """Serve two workers behind nginx; return its URL, the folder with its logs, and the workers."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin")
    if nginx is None or shutil.which("openssl") is None:
        absent("nginx, with openssl", "apt-get install nginx-light openssl")
    monkeypatch.setenv("SSL_CERT_FILE", str(certify(tmp_path)))
    store, port = f"sqlite:///{tmp_path}/handshake.db", free_port()
    with working(Worker(store), Worker(store)) as workers:
        written = configuration(tmp_path, port, workers).replace("proxy_buffering off;", request.param)
        (tmp_path / "nginx.conf").write_text(written, "utf-8")
        process = subprocess.Popen(
            [str(nginx), "-p", str(tmp_path), "-e", f"{tmp_path}/start.err", "-c", f"{tmp_path}/nginx.conf"],
            stderr=subprocess.PIPE,
        )
        try:
            yield f"https://localhost:{port}", tmp_path, workers
        finally:
            process.terminate()
            process.communicate(timeout=60)


async def listening(url: str) -> None:
    port = int(url.rpartition(":")[2])
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


async def test_the_readmes_nginx_serves_both_roles_over_tls_and_keeps_tokens_out_of_its_logs(
    behind_nginx: tuple[str, Path, Sequence[Worker]],
) -> None:
    url, folder, workers = behind_nginx
    await listening(url)
    peer = await open_session(url, {"prompt": True})
    async with aclosing(peer.http):
        other = await open_session(url, {"pickup": True})
        assert (await other.http.get(f"{other.created['pickup']['url']}/a-key")).status_code == 200
        await other.http.aclose()
        assert peer.cookie.startswith("__Host-hpp_")
        assert peer.created["baseUrl"] == url
        async with (
            peer.watch() as page,
            peer.watch(role="agent", query=f"token={peer.token}") as agent,
            peer.events() as stream,
        ):
            assert (await stream.next())["type"] == "connected"
            await page.next("connected")
            await agent.next("connected")
            for number in range(6):  # by turns to both workers, whichever the watchers are with
                reply = await peer.http.post(
                    f"{url}{peer.created['actionUrl']}?token={peer.token}",
                    json={"actions": [{"type": "set", "key": "n", "value": number}], "stream": False},
                )
                assert (reply.status_code, reply.json()["broadcast"]["clients"]) == (200, 3)
                for reader in (page, agent, stream):
                    assert (await reader.next("action"))["value"] == number
            await peer.edit("mine", "kept")
            assert (await agent.next("edit"))["value"] == "kept"
            waiting = asyncio.create_task(
                peer.agent("GET", "diff", params={"since": (await peer.context())["cursor"], "wait": "20"})
            )
            await asyncio.sleep(0.2)
            await peer.edit("mine", "again")
            told = (await asyncio.wait_for(waiting, PATIENCE)).json()
            assert [change["to"] for change in told["changes"]] == ["again"]
            workers[0].kill()
            workers[1].kill()
            assert (await peer.agent("GET", "context", params={"token": peer.token})).status_code == 502
    logs = "".join(path.read_text("utf-8") for path in folder.iterdir() if path.suffix in {".log", ".err"})
    assert f'"POST {peer.created["actionUrl"]}" 200' in logs
    assert '"GET /handshake/pickup/" 200' in logs
    assert other.created["pickup"]["code"] not in logs
    assert peer.token not in logs
    assert peer.cookie.partition("=")[2] not in logs
