"""Codes of prompts: a short text by which an agent's answer names the prompt, and the state that it showed.

A code is a place in the session's log and a message authentication code (HMAC, RFC 2104) under the digest of the token.
So it is of one session and one token alone, and a server need not keep it. It is no credential: it opens nothing.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode

MAC_CHARS = 10
"""50 bits: a code is not guarded, but another session's must not pass for this one's by accident."""

_CODE = re.compile(r"([0-9]{1,15})-([a-z2-7]{10})", re.ASCII)


def prompt_code(session_id: str, token_digest: str, seq: int) -> str:
    """Return the code of a prompt that shows a session as of `seq`."""
    mac = hmac.digest(token_digest.encode(), f"prompt {session_id} {seq}".encode(), "sha256")
    return f"{seq}-{b32encode(mac).decode().lower()[:MAC_CHARS]}"


def shown_seq(code: str, session_id: str, token_digest: str) -> int | None:
    """Return the place in the log that a code names; None if it is none of this session and token."""
    match = _CODE.fullmatch(code.strip().lower())
    if match is None or not hmac.compare_digest(match[0], prompt_code(session_id, token_digest, int(match[1]))):
        return None
    return int(match[1])
