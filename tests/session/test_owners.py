"""Owners of sessions: kept as JSON, equal to every value that is kept alike."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any
from uuid import UUID

import pytest

from handshake_prompt.session.owners import comparable_owner, kept_owner

ID = UUID(int=5)
SAME: dict[str, tuple[Any, Any]] = {
    "a UUID": (str(ID), ID),
    "a pair": (["org", str(ID)], ("org", ID)),
    "an object": ({"org": [1]}, {"org": (1,)}),
    "a number": (7, 7),
    "nothing": (None, None),
    "true": (True, True),
}
OTHERS = [UUID(int=6), "other", 8, None, object(), ["org"], {"org": 1}, float("nan"), b"x"]


@pytest.mark.parametrize(("kept", "given"), SAME.values(), ids=SAME)
def test_an_owner_is_equal_from_both_sides_to_what_is_kept_alike_and_to_nothing_else(kept: Any, given: Any) -> None:
    owner = comparable_owner(kept)
    assert kept_owner(given) == kept
    assert (owner == given, given == owner, owner != given, given != owner) == (True, True, False, False)
    for other in OTHERS:
        if other is not kept:
            assert (owner == other, other == owner, owner != other) == (False, False, True)


@pytest.mark.parametrize("kept", [kept for kept, _ in SAME.values()], ids=SAME)
def test_an_owner_is_a_plain_value_to_all_else(kept: Any) -> None:
    owner = comparable_owner(kept)
    assert isinstance(owner, type(kept))
    assert json.loads(json.dumps(owner)) == kept
    assert (repr(owner), str(owner)) == (repr(kept), str(kept))
    assert kept_owner(owner) == kept
    assert copy.deepcopy(owner) == kept
    assert pickle.loads(pickle.dumps(owner)) == kept
    if not isinstance(kept, list | dict):
        assert hash(owner) == hash(kept)


@pytest.mark.parametrize(
    "owner",
    [object(), {"user": object()}, [object], "\ud83d", {1, object()}],
    ids=["object", "within", "class", "surrogate", "set"],
)
def test_what_json_cannot_express_is_refused_with_what_to_do(owner: object) -> None:
    with pytest.raises(TypeError, match=r"use an id, such as session.owner = str\(user.id\)"):
        kept_owner(owner)
