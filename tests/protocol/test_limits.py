"""Limits: the documented bounds, and that no value can be made that contradicts itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from handshake_prompt.protocol.limits import Limits

DOCUMENTED = {
    "agent_requests": 60,
    "rate_window": 60,
    "wrong_tokens_per_session": 10,
    "wrong_tokens_per_address": 20,
    "creates_per_address": 30,
    "messages_per_address": 600,
    "body_bytes": 256 * 1024,
    "body_timeout": 10,
    "json_depth": 16,
    "fields": 500,
    "values": 2000,
    "row_cells": 10_000,
    "changes": 1000,
    "actions": 200,
    "value_bytes": 32 * 1024,
    "key_chars": 256,
    "mode_chars": 64,
    "session_bytes": 512 * 1024,
    "extend_seconds": 86_400,
    "max_lifetime": 86_400,
    "tombstone_seconds": 600,
    "expiring_notice": 60,
    "idempotency_seconds": 600,
    "log_events": 512,
    "log_bytes": 1024 * 1024,
    "replay_events": 300,
    "diff_events": 50,
    "long_poll": 25,
    "watchers_per_session": 8,
    "watchers": 10_000,
    "queue_events": 256,
    "queue_bytes": 1024 * 1024,
    "frame_bytes": 64 * 1024,
    "frames_per_second": 20,
    "frames_burst": 60,
    "malformed_frames": 10,
    "send_timeout": 10,
    "keepalive": 25,
    "pace_interval": 2,
    "pace_batch": 10,
    "drain_spread": 2,
    "sessions": 100_000,
    "hook_timeout": 5,
    "cookies": 8,
}


def test_the_defaults_are_the_documented_ones() -> None:
    defaults = dataclasses.asdict(Limits())
    assert {name: defaults[name] for name in DOCUMENTED} == DOCUMENTED


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, None, "60", [1]], ids=repr)
@pytest.mark.parametrize("name", ["keepalive", "fields"])
def test_a_bound_is_a_positive_number(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"Limits.{name} must be a positive number"):
        Limits(**{name: value})


def test_what_is_counted_has_no_fractions_and_what_is_timed_may() -> None:
    with pytest.raises(ValueError, match="without a fraction"):
        Limits(fields=1.5)  # type: ignore[arg-type]
    assert Limits(keepalive=0.5, hook_timeout=2).keepalive == 0.5


CONTRADICTIONS: dict[str, dict[str, int]] = {
    "a page could not send such a value": {"value_bytes": 65_537},
    "only what is kept can be replayed": {"replay_events": 513},
    "one batch has to fit a watcher's queue": {"actions": 256},
}


@pytest.mark.parametrize(("why", "bounds"), CONTRADICTIONS.items(), ids=CONTRADICTIONS)
def test_bounds_that_contradict_each_other_are_refused_with_the_reason(why: str, bounds: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=why):
        Limits(**bounds)
    assert Limits(**{name: value - 1 for name, value in bounds.items()})


def test_replace_leaves_what_it_is_given_none_for_and_checks_the_rest() -> None:
    limits = Limits(fields=7).replace(actions=3, fields=None)
    assert (limits.fields, limits.actions) == (7, 3)
    with pytest.raises(ValueError, match="actions"):
        Limits().replace(actions=0)


def test_limits_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Limits().fields = 1  # type: ignore[misc]


@pytest.mark.parametrize(("window", "per_minute"), [(60.0, 60), (30.0, 120), (120.0, 30)])
def test_clients_are_told_the_rate_per_minute_whatever_the_window(window: float, per_minute: int) -> None:
    assert Limits(rate_window=window).public()["requestsPerMinute"] == per_minute
