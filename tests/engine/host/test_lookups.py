"""Options that are looked up: by the host's hooks, or in the lists of a form by name."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from handshake_prompt import Limits, ProtocolEngine, Reject, Role, Session
from tests.support.pairing import Pair, code_of, open_pair, virtual_engine
from tests.support.virtual_time import in_virtual_time

FORM: dict[str, Any] = {
    "mode": "form-fill",
    "schema": [
        {"key": "city", "type": "enum", "lookup": True},
        {"key": "name"},
        {"key": "lines", "type": "rows", "fields": [{"key": "item", "type": "enum", "lookup": True}, {"key": "text"}]},
    ],
}
CITIES = ["Bern", "Basel", {"value": "GE", "label": "Genf"}]


async def looked_up(pair: Pair, key: str, query: str = "", *, role: Role = Role.AGENT) -> Any:
    return (await pair.engine.get_options(pair.session_id, pair.of(role), key=key, query=query)).payload


async def refused(pair: Pair, key: str, query: str = "") -> tuple[int, str]:
    return await code_of(pair.engine.get_options(pair.session_id, pair.agent, key=key, query=query))


async def pair_with(hook: Callable[..., Any], **limits: Any) -> Pair:
    engine = virtual_engine(Limits().replace(**limits))
    engine.on_options(hook)
    return await open_pair(engine, FORM)


@pytest.mark.parametrize("role", Role)
@in_virtual_time
async def test_a_hook_answers_either_role(role: Role) -> None:
    asked = []

    async def cities(session: Session, key: str, query: str) -> list[Any]:
        asked.append((session.session_id, key, query))
        return CITIES

    pair = await pair_with(cities)
    assert await looked_up(pair, "city", "b", role=role) == {"key": "city", "options": CITIES}
    assert asked == [(pair.session_id, "city", "b")]


@in_virtual_time
async def test_the_first_hook_that_knows_the_field_answers() -> None:
    async def unknown(*_: object) -> None:
        return None

    async def cities(*_: object) -> list[Any]:
        return CITIES

    pair = await pair_with(unknown)
    assert (await looked_up(pair, "city"))["options"] == []
    pair.engine.on_options(cities)
    assert (await looked_up(pair, "lines/r1/item"))["options"] == CITIES


async def test_a_plain_hook_may_answer_any_list() -> None:
    def cities(*_: object) -> Iterator[str]:
        return iter(["Bern"])

    engine = ProtocolEngine()
    engine.on_options(cities)
    pair = await open_pair(engine, FORM)
    assert (await looked_up(pair, "city"))["options"] == ["Bern"]


class Query:
    """A lazy answer, as of a database that must not be asked on the event loop."""

    def __init__(self, *fails: Exception) -> None:
        self.fails = fails

    def __iter__(self) -> Iterator[str]:
        assert threading.current_thread() is not threading.main_thread()
        for error in self.fails:
            raise error
        yield "Bern"


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_lazy_answer_is_read_in_a_thread_and_its_failure_told_as_the_hooks(*, is_async: bool) -> None:
    engine, answers = ProtocolEngine(), [Query(), Query(KeyError("secret"))]

    async def asked(*_: object) -> Query:
        return answers.pop(0)

    engine.on_options(asked if is_async else lambda *_: answers.pop(0))
    pair = await open_pair(engine, FORM)
    assert (await looked_up(pair, "city"))["options"] == ["Bern"]
    assert await refused(pair, "city") == (503, "options_unavailable")


@in_virtual_time
async def test_there_are_only_so_many_in_one_answer() -> None:
    async def all_numbers(*_: object) -> range:
        return range(1000)

    pair = await pair_with(all_numbers, options=3)
    assert await looked_up(pair, "city") == {"key": "city", "options": [0, 1, 2], "truncated": True}


async def hangs(*_: object) -> None:
    await asyncio.sleep(60)


async def raises(*_: object) -> None:
    raise RuntimeError("secret")


async def denies(*_: object) -> None:
    raise Reject("no")


def answering(answer: Any) -> Callable[..., Any]:
    async def hook(*_: object) -> Any:
        return answer

    return hook


FAULTS: dict[str, Callable[..., Any]] = {
    "hangs": hangs,
    "raises": raises,
    "denies": denies,
    "answers a text": answering("Bern"),
    "answers an object": answering({"value": "Bern"}),
    "answers a number": answering(3),
    "answers lists": answering([["Bern"]]),
    "answers objects in objects": answering([{"value": {}}]),
    "answers what is no JSON": answering([object()]),
    "answers half an emoji": answering(["\ud83d"]),
}


@pytest.mark.parametrize("hook", FAULTS.values(), ids=FAULTS)
@in_virtual_time
async def test_a_hook_that_cannot_say_is_told_as_such(hook: Callable[..., Any]) -> None:
    pair = await pair_with(hook)
    assert await refused(pair, "city") == (503, "options_unavailable")


REFUSED = {
    "age": (400, "unknown_field"),
    "lines": (400, "no_lookup"),
    "lines/r1": (400, "unknown_field"),
    "lines/r1/age": (400, "unknown_field"),
    "lines/r1/text": (400, "no_lookup"),
    "name": (400, "no_lookup"),
    "": (400, "invalid_key"),
}


@pytest.mark.parametrize(("key", "told"), REFUSED.items())
@in_virtual_time
async def test_i8_only_fields_with_a_lookup_have_one(key: str, told: tuple[int, str]) -> None:
    assert await refused(await open_pair(virtual_engine(), FORM), key) == told


@in_virtual_time
async def test_a_query_is_short_and_a_mode_without_a_schema_has_none() -> None:
    assert await refused(await open_pair(virtual_engine(), FORM), "city", "x" * 257) == (400, "invalid_request")
    assert await refused(await open_pair(virtual_engine(), {}), "city") == (400, "no_lookup")


@in_virtual_time
async def test_a_form_by_name_answers_from_its_own_list() -> None:
    countries = [f"Country {number}" for number in range(3000)]
    engine = virtual_engine()
    engine.form("trip", {"type": "object", "properties": {"to": {"type": "string", "enum": countries}}})
    pair = await open_pair(engine, {"form": "trip"})
    assert "options" not in (await pair.context())["schema"][0]
    assert await looked_up(pair, "to", "COUNTRY 299") == {
        "key": "to",
        "options": ["Country 299", *(f"Country 299{number}" for number in range(10))],
    }
    assert (await looked_up(pair, "to"))["truncated"] is True
