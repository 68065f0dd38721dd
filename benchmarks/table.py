"""The table, as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from .results import Measured, Missing, Row

HEADERS = ("what", "ours", "peer", "ratio", "limit", "ratio to limit", "budget", "met")
NUMBERS = {1, 3, 5}
"""Columns that are set to the right."""


def render(rows: Sequence[Row]) -> str:
    """Return the table and, below it, what has to be known of some of its rows."""
    numbered: list[str] = []
    cells = [HEADERS, *(_cells(row, numbered) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADERS))]
    lines = [
        "  ".join(
            _aligned(cell, width, column) for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join([lines[0], rule, *lines[1:], *([""] if numbered else []), *numbered])


def figure(value: float, unit: str) -> str:
    """Return a number with as many digits as it deserves."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2  # noqa: PLR2004 - three digits that count
    joint = "" if unit.startswith("/") else " "
    return f"{value:,.{digits}f}".replace(",", " ") + joint + unit


def _cells(row: Row, numbered: list[str]) -> tuple[str, ...]:
    marks = ""
    for note in row.notes:
        line = next((line for line in numbered if line.endswith(f" {note}")), None)
        if line is None:
            numbered.append(line := f"[{len(numbered) + 1}] {note}")
        marks += " " + line.partition(" ")[0]
    return (
        row.what,
        _measured("", row.ours, row.unit),
        _measured(row.peer_name, row.peer, row.unit),
        _ratio(row.ratio),
        _measured(row.limit_name, row.limit, row.unit),
        _ratio(row.ratio_to_limit),
        _budget(row),
        f"{row.verdict}{marks}".strip(),
    )


def _measured(name: str, measured: Measured | None, unit: str) -> str:
    if measured is None:
        return ""
    told = "not measured" if isinstance(measured, Missing) else figure(measured.median, unit)
    return f"{name} {told}".strip()


def _ratio(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio:.2f}" if ratio >= 0.01 else f"{ratio:.1g}"  # noqa: PLR2004 - what two digits can show


def _budget(row: Row) -> str:
    if row.budget is None:
        return ""
    bound = f"{row.budget.bound:g}"
    return f"{row.budget.sign} {bound} {row.unit}" if row.budget.of == "ours" else f"{row.budget.sign} {bound} ×"


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column in NUMBERS else cell.ljust(width)
