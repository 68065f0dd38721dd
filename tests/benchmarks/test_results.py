from __future__ import annotations

import pytest

from benchmarks.results import Budget, Measured, Missing, Reading, Row, Sample, at_least, at_most


def row(ours: Measured, peer: Measured | None = None, budget: Budget | None = None, **more: float) -> Row:
    return Row(what="what", unit="/s", ours=ours, peer_name="peer", peer=peer, budget=budget, **more)  # type: ignore[arg-type]


def test_a_figure_is_the_median_of_its_rounds() -> None:
    sample = Sample.of([Reading(3.0, 0.5), Reading(100.0, 1.0), Reading(1.0, 0.9)])
    assert sample.median == 3.0
    assert sample.busyness == 0.9


def test_a_ratio_is_that_of_the_medians() -> None:
    assert row(Sample((1.0, 4.0, 9.0)), Sample((2.0, 2.0, 8.0))).ratio == 2.0


def test_a_figure_by_processor_time_is_what_a_server_that_never_waits_would_reach() -> None:
    assert Sample((100.0,), (0.5,)).by_time() == Sample((200.0,))
    assert row(Sample((100.0,), (0.5,)), Sample((100.0,), (1.0,))).ratio_by_time == 2.0


@pytest.mark.parametrize(
    ("budget", "ours", "verdict", "margin"),
    [
        pytest.param(at_least(0.8), 8.0, "met", 1.0, id="high enough"),
        pytest.param(at_least(1.0), 5.0, "not met", 0.5, id="too low"),
        pytest.param(at_most(1.6), 8.0, "met", 2.0, id="low enough"),
        pytest.param(at_most(0.4), 8.0, "not met", 0.5, id="too high"),
        pytest.param(Budget("<", 8, of="ours"), 8.0, "not met", 1.0, id="just not below"),
        pytest.param(Budget("≤", 8, of="ours"), 8.0, "met", 1.0, id="just as much"),
        pytest.param(None, 8.0, "", None, id="no budget"),
    ],
)
def test_a_budget_is_met_or_not(budget: Budget | None, ours: float, verdict: str, margin: float | None) -> None:
    found = row(Sample((ours,)), Sample((10.0,)), budget)
    assert found.verdict == verdict
    assert (budget and found.budgeted and budget.margin(found.budgeted)) == margin


def test_what_is_missing_is_said_and_is_no_verdict() -> None:
    found = row(Sample((1.0,)), Missing("it is not here"), at_least(1))
    assert (found.ratio, found.verdict, found.notes) == (None, "not measured", ["peer: it is not here"])


def test_a_server_that_was_kept_waiting_is_noted() -> None:
    found = row(Sample((100.0,), (0.5,)), Sample((100.0,), (1.0,)))
    assert found.notes == ["share of the time on its core: ours 50%; per second of processor time the ratio is 2.00"]


def test_a_machine_that_was_kept_from_working_is_noted() -> None:
    assert row(Sample((1.0,)), stolen=0.4).notes == ["40% of the machine's time was stolen from it"]
