"""What is kept under which key.

All keys of a session share its id as hash tag, so a Cluster keeps them in one place. They are, after the prefix:

- `:{id}`, the head: what the scripts have to know of a session. `v` version, `e` expires, `p` purge, `t` ttl,
  `d` deadline, `by` the proofs, `x` if it has ended, `l` seq of the last event, `b` bytes of the log, `r` bytes of
  the receipts; the last three if there are any
- `:{id}:state`, the packed session; `:{id}:log`, a list of events, each with its size before it
- `:{id}:receipts`, a hash from idempotency keys to receipts, each with its end and its size before it, and
  `:{id}:order`, a sorted set of these keys by the version that brought them
- `:{id}:present`, a hash from workers to their watchers and until when that holds

Counters are `:count:...`, the sessions of an owner `:owner:...`, a sorted set by when they are gone for certain.
Every key goes by itself: with its session, its window, or its last entry.
"""

from __future__ import annotations


class Keys:
    """Names keys, for one prefix.

    Raises:
        ValueError: the prefix has braces, which would take the hash tag's place.
    """

    def __init__(self, prefix: str) -> None:
        if not prefix or "{" in prefix or "}" in prefix:
            raise ValueError(f"A key prefix is a text without braces, not {prefix!r}")
        self.prefix = prefix

    def session(self, session_id: str) -> bytes:
        """Return the key that the others of a session begin with."""
        return _bytes(f"{self.prefix}:{{{session_id}}}")

    def saved(self, session_id: str) -> list[bytes]:
        """Return the keys that go with a session: the session, its state, log, receipts and their order."""
        key = self.session(session_id)
        return [key, key + b":state", key + b":log", key + b":receipts", key + b":order"]

    def presence(self, session_id: str) -> bytes:
        """Return the key of a session's watchers."""
        return self.session(session_id) + b":present"

    def counter(self, name: str) -> bytes:
        """Return the key of a counter. One of a session is named `...:<id>`, and is kept with the session."""
        subject, colon, tag = name.rpartition(":")
        return _bytes(f"{self.prefix}:count:{subject}{colon}{{{tag}}}")

    def owner(self, digest: str) -> bytes:
        """Return the key of an owner's sessions."""
        return _bytes(f"{self.prefix}:owner:{digest}")

    def channel(self, session_id: str) -> str:
        """Return the channel that tells of a session's saves."""
        return f"{self.prefix}:wake:{session_id}"

    def heard(self, channel: bytes) -> str:
        """Return the session that a channel tells of."""
        return channel.decode("utf-8", "replace").removeprefix(f"{self.prefix}:wake:")


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
