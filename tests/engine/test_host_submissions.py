"""Submissions to the host's own views, and ends by its word: once, and of what the page showed."""

from __future__ import annotations

import asyncio

from handshake_prompt import FieldErrors, Limits, SubmittedForm
from handshake_prompt.engine.posted import Posted
from tests.conftest import FORM
from tests.engine.test_submitting import Host, hosted, submit
from tests.support.pairing import Pair, code_of, open_pair, virtual_engine
from tests.support.relay import nothing
from tests.support.virtual_time import in_virtual_time

LIMITS = Limits()


async def take(pair: Pair, digest: str) -> SubmittedForm:
    return await pair.engine.take_submission(pair.session_id, Posted({}, digest, texts=True), pair.user)


@in_virtual_time
async def test_without_a_function_the_host_finishes_in_its_own_way() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    assert await code_of(submit(pair)) == (409, "submission_unsupported")
    assert await pair.engine.finish(pair.session_id) is True
    assert await pair.engine.finish(pair.session_id) is False
    assert await pair.engine.close_session(pair.session_id) is False
    assert await code_of(pair.context()) == (409, "session_submitted")


@in_virtual_time
async def test_a_receipt_of_the_hosts_own_way_is_of_what_the_session_holds_then() -> None:
    (pair,) = await hosted(Host(FieldErrors({"age": "Too young"})), 1)
    assert await code_of(submit(pair)) == (422, "invalid_form")
    await pair.edit("age", 40)
    digest = (await pair.context())["digest"]
    assert await pair.engine.finish(pair.session_id) is True
    receipt = await submit(pair, digest)
    assert (receipt["digest"], receipt["authors"]) == (digest, {"name": "user", "age": "user_edit"})


@in_virtual_time
async def test_a_view_takes_nothing_that_may_have_been_taken() -> None:
    here, there = await hosted(Host(takes=10 * LIMITS.submit_timeout))
    digest = (await here.context())["digest"]
    submitting = asyncio.create_task(submit(here, digest))
    await asyncio.sleep(1)
    assert await code_of(take(there, digest)) == (409, "submission_in_progress")
    assert await code_of(submitting) == (409, "submission_unknown")
    submission = (await there.context())["submission"]
    assert await code_of(take(there, digest)) == (409, "submission_unknown")
    assert await there.engine.finish(there.session_id) is True
    assert (await submit(here, digest))["id"] == submission["id"]


@in_virtual_time
async def test_what_nobody_did_is_submitted_again_as_it_was_by_the_hosts_word() -> None:
    host = Host(RuntimeError("lost"))
    (pair,) = await hosted(host, 1)
    digest = (await pair.context())["digest"]
    assert await code_of(submit(pair, digest)) == (409, "submission_unknown")
    assert await pair.engine.reopen(pair.session_id) is True
    host.answer = None
    assert (await submit(pair, digest))["digest"] == digest
    assert len(host.given) == 2


@in_virtual_time
async def test_a_view_takes_and_refuses_what_nobody_did_by_the_hosts_word() -> None:
    (pair,) = await hosted(Host(RuntimeError("lost")), 1)
    assert await code_of(submit(pair)) == (409, "submission_unknown")
    assert await pair.engine.reopen(pair.session_id) is True
    await pair.engine.refuse_submission(pair.session_id, {"name": ["Not now"]}, pair.user)
    assert (await take(pair, (await pair.context())["digest"])).values["name"] == "Ada"


@in_virtual_time
async def test_a_view_is_given_no_state_that_has_changed_before_the_end_is_stored() -> None:
    here, there = await hosted(Host())
    digest = (await here.context())["digest"]

    async def change(name: str) -> None:
        if name == "save":
            here.store.before = nothing
            await there.edit("name", "Bea")

    here.store.before = change
    assert await code_of(take(here, digest)) == (409, "changed")
    assert (await there.context())["context"]["name"]["value"] == "Bea"
