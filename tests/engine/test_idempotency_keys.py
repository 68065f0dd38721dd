"""Keys of requests: the fingerprint of what a body means, and the reply that is kept under both."""

from __future__ import annotations

import pytest

from handshake_prompt.engine.idempotency_keys import IdempotencyKey, visit_for
from handshake_prompt.protocol.bodies import ActionRequest, decode
from handshake_prompt.protocol.errors import IdempotencyMismatchError
from handshake_prompt.stores import PLAIN_VISIT, Visit


def key_of(body: bytes, text: str = "k") -> IdempotencyKey:
    return IdempotencyKey.of(text, decode(ActionRequest, body), seconds=60.0)


def test_a_reply_is_kept_for_another_body_of_the_same_meaning() -> None:
    kept = key_of(b'{"actions": [], "stream": false}').receipt_for({"ok": True})
    assert (kept.key, kept.lifetime) == ("k", 60.0)
    assert key_of(b' {"stream":false,"actions":[]}').kept_reply(kept) == b'{"ok":true}'


def test_a_kept_reply_answers_no_other_request() -> None:
    kept = key_of(b'{"actions": [{"type": "set", "key": "a", "value": 1}]}').receipt_for({"ok": True})
    other = key_of(b'{"actions": [{"type": "set", "key": "a", "value": 2}]}')
    for receipt in (kept, None):
        with pytest.raises(IdempotencyMismatchError):
            other.kept_reply(receipt)


@pytest.mark.parametrize("text", [None, "", "a b", "k" * 256])
def test_a_store_is_not_asked_for_a_key_that_can_be_none(text: str | None) -> None:
    assert visit_for(text) is PLAIN_VISIT
    assert visit_for("k") == Visit(key="k")
