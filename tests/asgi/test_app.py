"""What a host application asks of a `HandshakeApp` in its own views."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from handshake_prompt import HandshakeApp, HandshakeError
from tests.conftest import FORM
from tests.support.in_process import open_in_process
from tests.support.peer import Peer


def from_page(peer: Peer) -> Request:
    """Return a request of the page's to a view of its host."""
    return Request({"type": "http", "method": "POST", "path": "/", "headers": [(b"cookie", peer.cookie.encode())]})


async def test_a_host_reads_what_the_page_has_shown() -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, FORM)
    cursor = (await peer.act({"name": "Ada"}))["cursor"]
    await peer.user("POST", "extend", {"extraSeconds": 60})
    context = await hpp.read_as_user(from_page(peer), peer.session_id, cursor=cursor)
    assert context["context"]["name"]["value"] == "Ada"


@pytest.mark.parametrize("place", ["before the last write", "of another log", "yet to come", "no cursor", "no text"])
async def test_a_host_is_not_given_what_the_page_has_not_shown(place: str) -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, FORM)
    other = await open_in_process(hpp, FORM)
    shown = (await peer.act({"name": "Ada"}))["cursor"]
    cursors: dict[str, Any] = {
        "no text": 5,
        "before the last write": shown,
        "of another log": other.created["cursor"],
        "no cursor": "",
    }
    cursors["yet to come"] = shown + "000"
    await peer.act({"name": "Grace Hopper"})
    with pytest.raises(HandshakeError) as refused:
        await hpp.read_as_user(from_page(peer), peer.session_id, cursor=cursors[place])
    assert (refused.value.status, refused.value.code) == (409, "changed")
    assert "Grace" not in refused.value.detail


async def test_a_host_is_told_of_a_few_changes_in_words_that_nothing_hides_in() -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp)
    await peer.act({f"{number}\u202e": number for number in range(100)})
    with pytest.raises(HandshakeError) as refused:
        await hpp.read_as_user(from_page(peer), peer.session_id, cursor=peer.created["cursor"])
    assert refused.value.detail.startswith(r'Written since: "0\u202e", "1\u202e"')
    assert refused.value.detail.endswith(" and 90 more")


@pytest.mark.parametrize("posted", [None, 5, ["x"], b"x", {}], ids=repr)
async def test_a_form_that_names_no_session_is_of_none_that_is_known(posted: Any) -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp)
    with pytest.raises(HandshakeError) as refused:
        await hpp.read_as_user(from_page(peer), posted)
    assert (refused.value.status, refused.value.code) == (404, "session_not_found")


async def test_a_host_that_names_no_place_is_given_all() -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, FORM)
    await peer.act({"age": 36})
    assert (await hpp.read_as_user(from_page(peer), peer.session_id))["context"]["age"]["value"] == 36
