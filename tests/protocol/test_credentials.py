"""Credentials: hard to guess, kept as digests, shown to nobody."""

from __future__ import annotations

import re
import secrets

import pytest

from handshake_prompt.protocol.credentials import (
    Credential,
    Role,
    digest_token,
    matches_digest,
    mint_connection,
    mint_epoch,
    mint_session_id,
    mint_token,
)
from handshake_prompt.protocol.events import Cursor

MINTS = {
    "a session id of 128 bits": (mint_session_id, r"[0-9a-f]{32}"),
    "a token of 192 bits, which no command line takes for an option": (mint_token, r"[A-Za-z0-9_][A-Za-z0-9_-]{31}"),
    "an epoch": (mint_epoch, r"[0-9a-f]{8}"),
    "a connection": (mint_connection, r"[0-9a-f]{16}"),
}


@pytest.mark.parametrize(("mint", "form"), MINTS.values(), ids=MINTS)
def test_what_is_minted_has_its_form_and_is_never_minted_twice(mint: object, form: str) -> None:
    assert callable(mint)
    minted = [mint() for _ in range(300)]
    assert len(set(minted)) == 300
    assert all(re.fullmatch(form, name) for name in minted)


def test_a_token_that_would_begin_with_a_dash_is_minted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-" * 32, "-abc", "kept"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _: next(drawn))
    assert mint_token() == "kept"


def test_an_epoch_makes_a_cursor_that_can_be_parsed() -> None:
    epoch = mint_epoch()
    assert Cursor.parse(str(Cursor(epoch, 7))) == (epoch, 7)


MATCHES: dict[str, tuple[str | None, str | None, bool]] = {
    "the right one": ("right", digest_token("right"), True),
    "another one": ("wrong", digest_token("right"), False),
    "other case": ("RIGHT", digest_token("right"), False),
    "a beginning": ("righ", digest_token("right"), False),
    "the digest itself": (digest_token("right"), digest_token("right"), False),
    "no token": (None, digest_token("right"), False),
    "an empty token": ("", digest_token("right"), False),
    "no digest": ("right", None, False),
    "an empty digest": ("right", "", False),
    "nothing against nothing": (None, None, False),
    "empty against the digest of empty": ("", digest_token(""), False),
    "outside ASCII": ("ключ", digest_token("right"), False),
    "a lone surrogate": ("\ud800", digest_token("right"), False),
    "a lone surrogate, and right": ("\ud800", digest_token("\ud800"), True),
}


@pytest.mark.parametrize(("token", "kept", "expected"), MATCHES.values(), ids=MATCHES)
def test_only_the_right_token_matches_and_missing_never_does(
    token: str | None, kept: str | None, *, expected: bool
) -> None:
    assert matches_digest(token, kept) is expected


def test_i9_a_credential_shows_no_secret() -> None:
    credential = Credential(token="agent-secret", user_token="user-secret", address="192.0.2.1")
    assert "secret" not in f"{credential!r} {credential}"
    assert "192.0.2.1" in repr(credential)


def test_a_bare_token_or_nothing_stands_for_a_credential() -> None:
    full = Credential(token="t", user_token="u")
    assert Credential.of("t") == Credential(token="t")
    assert Credential.of(None) == Credential()
    assert Credential.of(full) is full


def test_without_the_agent_the_rest_of_a_credential_stays() -> None:
    credential = Credential("t", "u", "192.0.2.1", foreign_origin=True)
    assert credential.without_agent() == Credential(None, "u", "192.0.2.1", foreign_origin=True)


def test_roles_read_as_the_wire_names_them() -> None:
    assert [str(role) for role in Role] == ["agent", "user"]
