"""Names of keys and channels.

All keys of a session share its id as hash tag, so a Cluster keeps them on one node. After the prefix they are:

- `:{id}`, the head: the columns that scripts work with. `v` version, `e` expires, `p` purge, `t` ttl, `d` deadline,
  `by` the proofs, `n` its creation until it is used, `x` if it has ended, `l` seq of the last event, `b` bytes of the
  log, `r` bytes of the receipts; the last three if there are any
- `:{id}:state`, the packed session; `:{id}:log`, a list of events, each with its size before it
- `:{id}:receipts`, a hash from idempotency keys to receipts, each with its end and its size before it, and
  `:{id}:order`, a sorted set of these keys by the version that brought them
- `:{id}:present`, a hash from workers to their watchers and the end of that lease

Counters are `:count:...`, the sessions of an owner `:owner:...`, a sorted set by the latest time of their purge, and
`:clock` is the high-water mark of time.
Every key has a TTL: that of its session, its window, or its last entry.
"""

from __future__ import annotations

import re


class Keys:
    """Keys under one prefix.

    Raises:
        ValueError: the prefix has braces, which would be read as the hash tag.
    """

    def __init__(self, prefix: str) -> None:
        if not prefix or "{" in prefix or "}" in prefix:
            raise ValueError(f"A key prefix is a text without braces, not {prefix!r}")
        self.prefix = prefix

    def session_key(self, session_id: str) -> bytes:
        """Return the first key of a session, which its others begin with."""
        return _encode_key(f"{self.prefix}:{{{session_id}}}")

    def session_id(self, head: bytes) -> str:
        """Return the session of a head."""
        return head.removeprefix(_encode_key(f"{self.prefix}:{{")).removesuffix(b"}").decode("utf-8", "replace")

    def saved_keys(self, session_id: str) -> list[bytes]:
        """Return the keys of a session's data: head, state, log, receipts and their order."""
        key = self.session_key(session_id)
        return [key, key + b":state", key + b":log", key + b":receipts", key + b":order"]

    def presence_key(self, session_id: str) -> bytes:
        """Return the key of a session's watchers."""
        return self.session_key(session_id) + b":present"

    def counter_key(self, name: str) -> bytes:
        """Return the key of a counter. `...:<id>` is a session's own, and shares its hash tag."""
        subject, colon, tag = name.rpartition(":")
        return _encode_key(f"{self.prefix}:count:{subject}{colon}{{{tag}}}")

    @property
    def clock_key(self) -> bytes:
        """The key of the high-water mark of time."""
        return _encode_key(f"{self.prefix}:clock")

    @property
    def head_pattern(self) -> bytes:
        """The pattern of all heads."""
        return re.sub(rb"[\\*?\[\]]", rb"\\\g<0>", _encode_key(f"{self.prefix}:")) + b"{*}"

    def owner_key(self, digest: str) -> bytes:
        """Return the key of an owner's sessions."""
        return _encode_key(f"{self.prefix}:owner:{digest}")

    def channel_name(self, session_id: str) -> str:
        """Return the channel of a session's save notifications."""
        return f"{self.prefix}:wake:{session_id}"

    def session_of(self, channel: bytes) -> str:
        """Return the session of a channel."""
        return channel.decode("utf-8", "replace").removeprefix(f"{self.prefix}:wake:")


def _encode_key(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
