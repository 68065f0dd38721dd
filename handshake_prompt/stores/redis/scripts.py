"""Lua scripts: each is one atomic step on the server.

Arguments and replies are MessagePack, which keeps every digit of a number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files

from redis.exceptions import NoScriptError

from .command_executors import CommandExecutor

Run = tuple[Sequence[bytes], Sequence[bytes | str | float]]
"""Keys and arguments of one run."""


class Script:
    """A script, made of files in the folder `scripts`."""

    def __init__(self, *names: str) -> None:
        folder = files(__package__).joinpath("scripts")
        self.text = "\n".join(folder.joinpath(f"{name}.lua").read_text("utf-8") for name in ("prelude", *names))
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def run(
        self, executor: CommandExecutor, keys: Sequence[bytes], *arguments: bytes | str | float, deadline: float
    ) -> bytes:
        """Run it once. A server that does not know it yet has not run it, and is sent the text."""
        call, parts = executor.call, (len(keys), *keys, *arguments)
        reply: bytes
        try:
            reply = await call(keys[0], "EVALSHA", self.digest, *parts, deadline=deadline)
        except NoScriptError:
            reply = await call(keys[0], "EVAL", self.text, *parts, deadline=deadline)
        return reply

    async def run_all(self, executor: CommandExecutor, runs: Sequence[Run], *, deadline: float) -> None:
        """Run it for many keys together. It may run twice for some of them.

        Raises:
            ResponseError: a server's refusal of one of them.
        """
        calls = [(keys[0], ("EVALSHA", self.digest, len(keys), *keys, *arguments)) for keys, arguments in runs]
        results = await executor.batch(calls, deadline=deadline)
        for (keys, arguments), result in zip(runs, results, strict=True):
            if isinstance(result, NoScriptError):
                await self.run(executor, keys, *arguments, deadline=deadline)
            elif isinstance(result, Exception):
                raise result


NOW = Script("now")
CREATE = Script("room", "keep", "create")
VISIT = Script("head", "room", "keep", "count", "visit")
SAVE = Script("head", "room", "keep", "save")
TOUCH = Script("head", "keep", "touch")
HIT = Script("room", "count", "hit")
PRESENT = Script("present")
OWN = Script("own")
EVICT = Script("head", "evict")
