"""Bodies of requests: JSON in becomes typed values or a refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from handshake_prompt.protocol.bodies import (
    Action,
    ActionRequest,
    CreateRequest,
    ExtendRequest,
    NotifyRequest,
    PageMessage,
    PromptRequest,
    RotateRequest,
    decode,
)
from handshake_prompt.protocol.errors import HandshakeError, InvalidJSONError, InvalidRequestError

SHAPES: list[type[Any]] = [CreateRequest, ActionRequest, NotifyRequest, ExtendRequest, RotateRequest, PageMessage]

WELL_FORMED: dict[str, tuple[type[Any], dict[str, Any], Any]] = {
    "an empty creation": (CreateRequest, {}, CreateRequest()),
    "a creation with a prompt": (
        CreateRequest,
        {"mode": "form-fill", "prompt": {"language": "zh"}, "userToken": True},
        CreateRequest(mode="form-fill", prompt=PromptRequest("zh"), user_token=True),
    ),
    "members nobody knows": (CreateRequest, {"mode": "x", "later": [1]}, CreateRequest(mode="x")),
    "null for what is left out": (CreateRequest, {"mode": None, "schema": None}, CreateRequest()),
    "actions": (
        ActionRequest,
        {"actions": [{"type": "set", "key": "k", "value": [1], "ifRev": 3}], "stream": False, "intervalMs": 0.5},
        ActionRequest([Action("set", "k", [1], if_rev=3)], stream=False, interval_ms=0.5),
    ),
    "an edit to null": (NotifyRequest, {"key": "k", "value": None}, NotifyRequest("k")),
    "a release": (NotifyRequest, {"key": "k", "release": True}, NotifyRequest("k", release=True)),
    "an extension by default": (ExtendRequest, {}, ExtendRequest(1800)),
    "a rotation": (RotateRequest, {"prompt": True}, RotateRequest(prompt=True)),
    "a frame": (PageMessage, {"type": "userEdit", "key": "k", "ref": 7}, PageMessage("userEdit", "k", ref=7)),
}


@pytest.mark.parametrize(("shape", "body", "expected"), WELL_FORMED.values(), ids=WELL_FORMED)
def test_a_body_of_the_documented_shape_is_read_alike_from_values_and_from_bytes(
    shape: type[Any], body: dict[str, Any], expected: Any
) -> None:
    assert decode(shape, body) == decode(shape, json.dumps(body).encode()) == expected


MISSHAPEN: dict[str, tuple[type[Any], Any]] = {
    "a list": (CreateRequest, []),
    "a text": (CreateRequest, "mode"),
    "null": (CreateRequest, None),
    "a number": (CreateRequest, 1),
    "mode is a list": (CreateRequest, {"mode": ["x"]}),
    "schema is an object": (CreateRequest, {"schema": {}}),
    "context is a list": (CreateRequest, {"context": []}),
    "prompt is a text": (CreateRequest, {"prompt": "en"}),
    "no actions": (ActionRequest, {}),
    "actions are null": (ActionRequest, {"actions": None}),
    "an action is a text": (ActionRequest, {"actions": ["set"]}),
    "key is a list": (ActionRequest, {"actions": [{"key": ["a"]}]}),
    "ifRev is a text": (ActionRequest, {"actions": [{"key": "a", "ifRev": "1"}]}),
    "ifRev is true": (ActionRequest, {"actions": [{"key": "a", "ifRev": True}]}),
    "intervalMs is a text": (ActionRequest, {"actions": [], "intervalMs": "300"}),
    "extraSeconds is a text": (ExtendRequest, {"extraSeconds": "1800"}),
    "extraSeconds has a fraction": (ExtendRequest, {"extraSeconds": 1.5}),
    "extraSeconds is true": (ExtendRequest, {"extraSeconds": True}),
    "release is 1": (NotifyRequest, {"key": "k", "release": 1}),
    "a frame without key": (PageMessage, {"type": "userEdit"}),
}


@pytest.mark.parametrize(("shape", "body"), MISSHAPEN.values(), ids=MISSHAPEN)
def test_i8_a_body_of_another_shape_is_a_400(shape: type[Any], body: Any) -> None:
    for form in (body, json.dumps(body).encode()):
        with pytest.raises(InvalidRequestError) as refusal:
            decode(shape, form)
        assert (refusal.value.code, refusal.value.status) == ("invalid_request", 400)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff", b"nul", b'{"mode": NaN}', b'{"mode": "\xff"}', b"{'mode': 1}", b"\xef\xbb\xbf{}", b"{} {}"],
    ids=repr,
)
def test_i8_what_is_not_json_is_a_400_and_never_an_empty_object(raw: bytes) -> None:
    with pytest.raises(InvalidJSONError) as refusal:
        decode(CreateRequest, raw)
    assert (refusal.value.code, refusal.value.status) == ("invalid_json", 400)


HOSTILE: dict[str, bytes] = {
    "lone surrogate": b'{"key": "\\ud800", "value": 1}',
    "deep lists": b'{"key": "k", "value": ' + b"[" * 10**6 + b"]" * 10**6 + b"}",  # Python 3.14 follows to 100 000
    "deep objects nobody reads": b'{"later": ' + b'{"a":' * 10**6 + b"1" + b"}" * (10**6 + 1),
    "a number with 5000 digits": b'{"key": "k", "value": ' + b"9" * 5000 + b"}",
    "a number beyond floats": b'{"key": "k", "value": 1e999}',
    "NUL": b'{"key": "k\x00"}',
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_i8_json_that_breaks_parsers_is_refused(raw: bytes) -> None:
    with pytest.raises(HandshakeError) as refusal:
        decode(NotifyRequest, raw)
    assert refusal.value.status in (400, 413)


@given(st.binary(max_size=80) | st.text(max_size=40).map(lambda text: json.dumps({"key": text, "x": [text]}).encode()))
def test_i8_no_bytes_raise_anything_but_a_refusal(raw: bytes) -> None:
    assert {refusal_of(shape, raw) for shape in SHAPES} <= {None, 400, 413}


def refusal_of(shape: type[Any], raw: bytes) -> int | None:
    try:
        decode(shape, raw)
    except HandshakeError as refusal:
        return refusal.status
    return None


PACES: dict[str, tuple[ActionRequest, float]] = {
    "300 ms by default": (ActionRequest([]), 0.3),
    "as asked": (ActionRequest([], interval_ms=40), 0.04),
    "at most the longest": (ActionRequest([], interval_ms=60_000), 2.0),
    "beyond any float": (ActionRequest([], interval_ms=10**400), 2.0),
    "infinite": (ActionRequest([], interval_ms=float("inf")), 2.0),
    "zero": (ActionRequest([], interval_ms=0), 0.0),
    "negative": (ActionRequest([], interval_ms=-5), 0.0),
    "no number": (ActionRequest([], interval_ms=float("nan")), 0.0),
    "not streamed": (ActionRequest([], stream=False, interval_ms=500), 0.0),
    "streamed": (ActionRequest([], stream=True), 0.3),
}


@pytest.mark.parametrize(("asked", "pause"), PACES.values(), ids=PACES)
def test_the_pause_between_frames_is_as_asked_within_its_bounds(asked: ActionRequest, pause: float) -> None:
    assert asked.pace(2.0) == pytest.approx(pause)


@pytest.mark.parametrize(
    ("context", "data", "initial"),
    [(None, None, {}), ({"a": 1}, None, {"a": 1}), (None, {"b": 2}, {"b": 2}), ({"a": 1}, {"b": 2}, {"a": 1})],
)
def test_data_is_another_name_for_context(context: Any, data: Any, initial: dict[str, Any]) -> None:
    assert CreateRequest(context=context, data=data).initial_values == initial
