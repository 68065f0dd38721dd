"""The scripts: each is one step that happens on the server as a whole, or not at all.

What they are asked and what they answer is MessagePack, which keeps every digit of a number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files

from redis.exceptions import NoScriptError

from .links import Link

Run = tuple[Sequence[bytes], Sequence[bytes | str | float]]
"""The keys and the arguments of one run."""


class Script:
    """A script that Redis runs, made of files that lie beside this module."""

    def __init__(self, *names: str) -> None:
        folder = files(__package__).joinpath("scripts")
        self.text = "\n".join(folder.joinpath(f"{name}.lua").read_text("utf-8") for name in ("prelude", *names))
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, link: Link, keys: Sequence[bytes], *arguments: bytes | str | float, by: float) -> bytes:
        """Run it once. A server that does not know it yet has not run it, and is sent the text."""
        reply: bytes
        try:
            reply = await link.call(keys[0], "EVALSHA", self.digest, len(keys), *keys, *arguments, by=by)
        except NoScriptError:
            reply = await link.call(keys[0], "EVAL", self.text, len(keys), *keys, *arguments, by=by)
        return reply

    async def run_all(self, link: Link, runs: Sequence[Run], *, by: float) -> None:
        """Run it for many keys in one go. It may run twice for some of them.

        Raises:
            ResponseError: what a server has answered instead of a result.
        """
        calls = [(keys[0], ("EVALSHA", self.digest, len(keys), *keys, *arguments)) for keys, arguments in runs]
        results = await link.batch(calls, by=by)
        for (keys, arguments), result in zip(runs, results, strict=True):
            if isinstance(result, NoScriptError):
                await self.run(link, keys, *arguments, by=by)
            elif isinstance(result, Exception):
                raise result


NOW = Script("now")
CREATE = Script("keep", "create")
VISIT = Script("keep", "count", "visit")
SAVE = Script("keep", "save")
TOUCH = Script("keep", "touch")
HIT = Script("count", "hit")
PRESENT = Script("present")
OWN = Script("own")
