"""Calls of tools in the place of an answer: read as what they ask for, or refused with their line."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from handshake_prompt.texts.answers.answer import UnreadableAnswerError
from handshake_prompt.texts.answers.field_names import FieldNames
from handshake_prompt.texts.answers.reader import read_answer

NAMES = FieldNames(["name", "age"])
VALUES = {"name": "Ann", "age": 36}
FIELDS = {"fields": VALUES}
AS_TEXT = json.dumps(FIELDS)
CALLS: dict[str, Any] = {
    "name and arguments": {"name": "fill", "arguments": FIELDS},
    "bare arguments": {"name": "fill", "arguments": VALUES},
    "a local model's": {"type": "function", "name": "set_fields", "parameters": FIELDS},
    "OpenAI, of a chat": {"id": "c", "type": "function", "function": {"name": "set_fields", "arguments": AS_TEXT}},
    "OpenAI, of a response": {"type": "function_call", "call_id": "c", "name": "set_fields", "arguments": AS_TEXT},
    "OpenAI, a message": {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "set_fields", "arguments": AS_TEXT}}
    ]},
    "OpenAI, of old": {"function_call": {"name": "set_fields", "arguments": AS_TEXT}},
    "Anthropic": {"type": "tool_use", "id": "t", "name": "set_fields", "input": FIELDS},
    "Anthropic, a message": [
        {"type": "text", "text": "So:"}, {"type": "tool_use", "id": "t", "name": "x", "input": FIELDS}
    ],
    "Gemini": {"functionCall": {"name": "set_fields", "args": FIELDS}},
    "MCP": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "set_fields", "arguments": FIELDS}},
    "an agent's action": {"action": "set_fields", "action_input": FIELDS},
    "several calls": [{"name": "f", "arguments": {"fields": {key: VALUES[key]}}} for key in VALUES],
    "a call for each field": [{"name": "set", "args": {"key": key, "value": VALUES[key]}} for key in VALUES],
    "an answer in an answer": {"answer": {"name": "fill", "arguments": FIELDS}},
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_is_read_as_the_answer_that_its_arguments_are(call: Any) -> None:
    for text in (
        json.dumps(call),
        f"```handshake\n{json.dumps(call, indent=1)}\n```",
        f"<tool_call>{json.dumps(call)}",
    ):
        found = read_answer(f"Calling:\n{text}\n", NAMES)
        assert (found.fields, found.faults) == (VALUES, ())


def test_the_protocols_own_tools_say_what_is_asked_for() -> None:
    calls = [
        {
            "name": "mcp__page__suggest_fields",
            "input": {"suggestions": [{"key": "name", "value": "Bob", "reason": "r"}]},
        },
        {"name": "ask_person", "input": {"text": "Sure?", "key": "age", "seconds": 5}},
        {"name": "page.edit_rows", "input": {"add": [{"list": "lines", "values": {"n": 1}}], "remove": ["lines/r1"]}},
    ]
    found = read_answer(json.dumps(calls), NAMES)
    assert [(one.key, one.value, one.notes.get("reason", "")) for one in found.suggest] == [("name", "Bob", "r")]
    assert found.ask == [{"text": "Sure?", "key": "age"}]
    assert [one[:2] for one in found.add + found.remove] == [("lines", {"n": 1}), ("lines/r1", None)]
    assert (found.fields, found.faults) == ({}, ())


MADE_TOGETHER = {
    "elements of their own": "<tool_call>\nFIRST\n</tool_call>\n<tool_call>\nSECOND\n</tool_call>",
    "behind a token": "<|python_tag|>FIRST; SECOND",
    "lines": "FIRST\nSECOND",
    "a block": "```handshake\nFIRST\nSECOND\n```",
    "fences of their own": "```json\nFIRST\n```\n\n```json\nSECOND\n```",
    "a quotation": "> FIRST\n> SECOND",
}
PARTS = {
    "calls": [
        {"name": "set_fields", "arguments": {"fields": {"name": "Ann"}}},
        {"name": "set_fields", "arguments": {"fields": {"age": 36}}},
    ],
    "calls of texts": [
        {"type": "function", "function": {"name": "set_fields", "arguments": '{"name": "Ann"}'}},
        {"type": "function", "function": {"name": "set_fields", "arguments": '{"age": 36}'}},
    ],
    "actions": [{"type": "set", "key": "name", "value": "Ann"}, {"type": "set", "key": "age", "value": 36}],
    "entries": [{"key": "name", "value": "Ann"}, {"key": "age", "value": 36}],
}


@pytest.mark.parametrize("text", MADE_TOGETHER.values(), ids=MADE_TOGETHER)
@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_calls_and_actions_that_follow_each_other_are_one_answer(parts: list[Any], text: str) -> None:
    first, second = map(json.dumps, parts)
    found = read_answer(text.replace("FIRST", first).replace("SECOND", second), NAMES)
    assert found.fields == {"name": "Ann", "age": 36}
    assert found.blocks == 1


@pytest.mark.parametrize("text", ["FIRST\nSECOND", "```handshake\nFIRST\nSECOND\n```"])
@pytest.mark.parametrize(
    ("second", "msg"),
    [
        ('{"name": "set_fields", "arguments": {"fields": {"name": "Bob"}}}', "two values"),
        ('{"name": "set_fields", "arguments": {"na', "ends|breaks off|has to end"),
    ],
    ids=["the same field", "broken off"],
)
def test_calls_that_follow_each_other_are_refused_together(text: str, second: str, msg: str) -> None:
    first = '{"name": "set_fields", "arguments": {"fields": {"name": "Ann"}}}'
    with pytest.raises(UnreadableAnswerError) as refused:
        read_answer(text.replace("FIRST", first).replace("SECOND", second), NAMES)
    assert re.search(msg, refused.value.faults[0].msg)


def test_the_reason_of_a_suggestion_in_one_of_several_calls_is_kept() -> None:
    calls = [
        {"name": "set_fields", "arguments": {"fields": {"age": 36}}},
        {"name": "suggest_fields", "arguments": {"suggestions": {"name": {"value": "Bob", "reason": "r"}}}},
    ]
    (found,) = read_answer(json.dumps(calls), NAMES).suggest
    assert (found.key, found.value, found.notes) == ("name", "Bob", {"reason": "r"})


REFUSED = {
    "a tool that reads": ({"name": "connect", "arguments": {"prompt": "x"}}, "writes nothing"),
    "arguments that are a text": ({"name": "fill", "arguments": "name = Ann"}, "no object"),
    "arguments that are broken": ({"name": "fill", "arguments": '{"fields": {"name": "Ann'}, "no JSON"),
    "arguments that are a list": ({"name": "fill", "arguments": ["Ann"]}, "no object"),
    "two values for a field": (
        [{"name": "f", "args": {"name": "Ann"}}, {"name": "f", "args": {"name": "Bob"}}],
        "two values",
    ),
}


@pytest.mark.parametrize(("call", "msg"), REFUSED.values(), ids=REFUSED)
def test_a_call_that_cannot_be_read_comes_into_no_field(call: Any, msg: str) -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        read_answer(f"```handshake\n{json.dumps(call)}\n```", NAMES)
    assert [(fault.line, msg in fault.msg) for fault in caught.value.faults] == [(2, True)]


def test_a_form_with_fields_of_a_calls_names_is_filled_in_by_them() -> None:
    names = FieldNames(["name", "input", "arguments"])
    assert read_answer('{"name": "Ann", "input": "x"}', names).fields == {"name": "Ann", "input": "x"}
