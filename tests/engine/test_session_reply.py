"""Replies that carry a token."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.mount import Mount
from tests.support.pairing import virtual_engine
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_urls_follow_the_mount_of_the_request_where_it_names_one() -> None:
    payload, _ = await virtual_engine(prefix="/api/").create_session({}, mount=Mount("/x", "/x/ws", "http://h"))
    assert payload["actionUrl"].startswith("/x/action/")
    assert payload["wsUrl"].startswith("/x/ws/")
    assert payload["baseUrl"] == "http://h"


FORM = {
    "mode": "form-fill",
    "schema": [{"key": "name", "type": "string", "label": "Full name"}, {"key": "iban", "sensitive": True}],
    "context": {"name": "Ann", "iban": "DE02 1203"},
    "prompt": True,
}
AT = Mount("/x", "/x/ws", "http://h")


@in_virtual_time
async def test_a_prompt_shows_the_form_as_the_agent_may_see_it() -> None:
    payload, _ = await virtual_engine().create_session(FORM, mount=AT)
    assert '"label": "Full name", "type": "string", "value": "Ann"' in payload["prompt"]
    assert '{"key": "iban", "sensitive": true, "filled": true}' in payload["prompt"]
    assert "DE02 1203" not in payload["prompt"]


@in_virtual_time
async def test_a_rotated_prompt_shows_the_form_as_it_is_by_then() -> None:
    engine = virtual_engine()
    payload, _ = await engine.create_session({**FORM, "userToken": True}, mount=AT)
    person = Credential(user_token=payload["userToken"])
    await engine.post_notify(payload["sessionId"], {"key": "name", "value": "Bob"}, person)
    rotated = (await engine.rotate(payload["sessionId"], {"prompt": True}, person, mount=AT)).payload
    assert '"value": "Bob"' in rotated["prompt"]
    assert "DE02 1203" not in rotated["prompt"]


def of_version_1_0(created: Any, base_url: str, language: str, data: Any) -> str:
    return f"{created['sessionId']} {base_url} {language} {data}"


def of_all(*_: object, **options: Any) -> str:
    return " ".join(options)


def of_the_page(*_: object, page: Any, language: str, data: Any) -> str:
    return f"{language} {data} page {page['schema']}"


@in_virtual_time
@pytest.mark.parametrize(("builder", "is_given"), [(of_version_1_0, False), (of_all, True), (of_the_page, True)])
async def test_a_builder_of_the_hosts_is_given_the_page_if_it_takes_it(builder: Any, is_given: Any) -> None:
    payload, _ = await virtual_engine(prompt=builder).create_session(FORM, mount=AT)
    assert ("page" in payload["prompt"]) is is_given


@in_virtual_time
async def test_the_address_for_mcp_is_told_where_it_is_offered() -> None:
    engine = virtual_engine()
    offered, _ = await engine.create_session({}, mount=AT._replace(offers_mcp=True))
    assert offered["mcpUrl"] == f"/x/mcp/{offered['sessionId']}"
    assert "mcpUrl" not in (await engine.create_session({}, mount=AT)).payload
