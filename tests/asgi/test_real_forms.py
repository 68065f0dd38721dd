"""Forms of many kinds through a real server: valid values are applied, others refused or told, and gaps are listed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from handshake_prompt import HandshakeApp
from handshake_prompt.protocol.limits import Limits
from tests.support.form_cases import GONE, Filling, form_files, put
from tests.support.peer import open_session
from tests.support.serving import serving

FORMS = {form["name"]: form for form in form_files()}
Start = Callable[[dict[str, Any]], Awaitable[Filling]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Return `await start(form)`: a new session with a form, by its name if it has a JSON Schema."""
    app = HandshakeApp(limits=Limits(creates_per_address=10**6))
    fillings: list[Filling] = []
    async with serving(app) as url:

        async def opened(form: dict[str, Any]) -> Filling:
            if "jsonSchema" in form:
                app.form(form["name"], form["jsonSchema"])
                body: dict[str, Any] = {"form": form["name"]}
            else:
                initial = {entry["key"]: entry["initial"] for entry in form["fields"] if "initial" in entry}
                body = {"mode": "form-fill", "schema": form["fields"], "defaults": initial}
            fillings.append(Filling(await open_session(url, body, mount="")))
            return fillings[-1]

        yield opened
        for filling in fillings:
            await filling.peer.http.aclose()


def faults(reply: dict[str, Any]) -> list[Any]:
    """Return all that is wrong in a reply, gaps excepted."""
    return [*reply["errors"], *reply["rejected"], *reply.get("problems", [])]


def gaps(reply: dict[str, Any]) -> list[str]:
    return [*reply["missing"], *reply.get("missingPerson", [])]


VALID = [form for form in FORMS.values() if "valid" in form]


@pytest.mark.parametrize("form", VALID, ids=lambda form: str(form["name"]))
async def test_a_valid_document_is_applied_without_problems(form: dict[str, Any], start: Start) -> None:
    reply = await (await start(form)).fill(form["valid"])
    assert (faults(reply), reply["missing"]) == ([], [])


CASES = [(form, case) for form in FORMS.values() for case in form["accepts"]]


@pytest.mark.parametrize(("form", "case"), CASES, ids=[f"{form['name']} {case['at']}" for form, case in CASES])
async def test_another_valid_value_is_applied_without_problems(form: dict[str, Any], case: Any, start: Start) -> None:
    filling = await start(form)
    document = form.get("valid", {})
    await filling.fill(document)
    reply = await filling.write(put(document, case["at"], case["value"]), case["at"])
    assert faults(reply) == []
    assert "jsonSchema" not in form or reply["missing"] == []


REFUSED = [(form, case) for form in FORMS.values() for case in form["refuses"]]


@pytest.mark.parametrize(
    ("form", "case"), REFUSED, ids=[f"{form['name']} {case['at']} {case['why']}" for form, case in REFUSED]
)
async def test_another_value_is_refused_or_told(form: dict[str, Any], case: Any, start: Start) -> None:
    filling = await start(form)
    document = form.get("valid", {})
    await filling.fill(document)
    reply = await filling.write(put(document, case["at"], case["value"]), case["at"])
    assert faults(reply) or reply["missing"]


MISSING = [(form, case) for form in FORMS.values() for case in form["missing"]]


@pytest.mark.parametrize(
    ("form", "case"), MISSING, ids=[f"{form['name']} {case.get('without', 'given')}" for form, case in MISSING]
)
async def test_what_is_not_there_is_missing(form: dict[str, Any], case: Any, start: Start) -> None:
    filling = await start(form)
    document = put(form["valid"], case["without"], GONE) if "without" in case else case["given"]
    reply = await filling.fill(document)
    assert reply["errors"] == []
    assert sorted(filling.pointers(gaps(reply), reply.get("rows", {}))) == sorted(case["missing"])
