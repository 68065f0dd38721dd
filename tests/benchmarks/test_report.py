from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from benchmarks import plot, table
from benchmarks.results import Budget, Missing, Row, Sample, at_least

ROWS = [
    Row(
        what="GET <context>",
        unit="/s",
        ours=Sample((12345.0,)),
        peer_name="Starlette",
        peer=Sample((10000.0,)),
        limit_name="raw",
        limit=Sample((24690.0,)),
        budget=at_least(1.0),
        note="seen once",
    ),
    Row(what="reply", unit="ms", ours=Sample((1.5,)), budget=Budget("<", 50, of="ours"), note="seen once"),
    Row(what="Redis", unit="/s", ours=Missing("no Redis"), budget=at_least(2)),
    Row(what="no budget", unit="ms", ours=Sample((1.0,))),
]


def test_the_table_shows_a_row_with_its_peer_its_limit_and_its_budget() -> None:
    _, _, first, second, third, *_ = table.render(ROWS).splitlines()
    assert " ".join(first.split()) == "GET <context> 12 345/s Starlette 10 000/s 1.23 raw 24 690/s 0.50 ≥ 1 × met [1]"
    assert " ".join(second.split()) == "reply 1.50 ms < 50 ms met [1]"
    assert " ".join(third.split()) == "Redis not measured ≥ 2 × not measured [2]"


def test_notes_are_below_the_table_once_each() -> None:
    assert table.render(ROWS).splitlines()[-2:] == ["[1] seen once", "[2] ours: no Redis"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(12345.6, "/s", "12 346/s"), (42.25, "KiB", "42.2 KiB"), (0.123, "ms", "0.12 ms"), (-0.5, "MiB", "-0.50 MiB")],
)
def test_a_number_has_as_many_digits_as_it_deserves(value: float, unit: str, text: str) -> None:
    assert table.figure(value, unit) == text


def test_the_chart_has_a_bar_for_each_budget_that_was_measured() -> None:
    chart = ET.fromstring(plot.render(ROWS))
    texts = [element.text for element in chart.iter("{http://www.w3.org/2000/svg}text")]
    assert "GET <context> / Starlette" in texts
    assert {"1.23", "33.33"} <= set(texts)
    assert len(chart.findall("{http://www.w3.org/2000/svg}rect")) == 1 + 2
