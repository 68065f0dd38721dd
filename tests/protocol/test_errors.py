"""Errors: one tree, of which each class says how it is answered over HTTP and by a WebSocket's close."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from handshake_prompt.protocol.errors import CloseCode, HandshakeError, TooManyAttemptsError


def tree(root: type[HandshakeError] = HandshakeError) -> Iterator[type[HandshakeError]]:
    yield root
    for kind in root.__subclasses__():
        yield from tree(kind)


ERRORS = sorted(set(tree()), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_what_may_be_tried_again_does_not_close_for_good(kind: type[HandshakeError]) -> None:
    """But for a wrong credential, with which trying again is in vain, however long one waits."""
    assert not (kind.retryable and kind.close_code.final) or kind is TooManyAttemptsError


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_has_a_status_a_code_and_a_sentence(kind: type[HandshakeError]) -> None:
    error = kind()
    assert 400 <= error.status < 600
    assert error.code.replace("_", "").isalpha()
    assert error.detail[0].isupper()
    assert not error.detail.endswith(".")


def test_the_codes_that_ask_to_come_again_are_not_final() -> None:
    again = {CloseCode.INTERNAL, CloseCode.DRAINING, CloseCode.SLOW, CloseCode.TOO_LARGE, CloseCode.BINARY}
    assert {code for code in CloseCode if 4500 <= code < 4600} == again | {CloseCode.BUSY}
    assert not [code for code in CloseCode if code.final != (4400 <= code < 4500)]
