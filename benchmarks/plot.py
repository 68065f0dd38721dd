"""The margins as a bar chart in SVG: how many times better, or worse, than its budget each figure is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from .results import Row

BAR, GAP = 16, 8
LABELS, CHART, MARGIN = 540, 420, 60
DECADES = 2
"""The axis is logarithmic, from a hundredth to a hundred times the budget; a bar beyond that is cut off."""
COLOURS = {True: "#2a7f5f", False: "#b3432b"}
STYLE = "text{font:13px system-ui,sans-serif;fill:#333}.axis{stroke:#999}.one{stroke:#333;stroke-width:2}"


def render(rows: Sequence[Row]) -> str:
    """Return the chart of all rows whose budget was measured."""
    shown = [(row, row.budget.margin(row.budgeted)) for row in rows if row.budget and row.budgeted is not None]
    height = MARGIN + len(shown) * (BAR + GAP) + GAP
    width = LABELS + CHART + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">',
            f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
            f'<text x="{LABELS}" y="20">times better than the budget asks; below 1 it is not met</text>',
            *(_tick(factor, height) for factor in (0.01, 0.1, 1, 10, 100)),
            *(_bar(row, margin, MARGIN + index * (BAR + GAP)) for index, (row, margin) in enumerate(shown)),
            "</svg>\n",
        ]
    )


def _place(factor: float) -> float:
    return LABELS + CHART / 2 * (1 + max(-1.0, min(1.0, math.log10(factor) / DECADES)))


def _tick(factor: float, height: int) -> str:
    x = _place(factor)
    kind = "one" if factor == 1 else "axis"
    line = f'<line class="{kind}" x1="{x:.1f}" y1="48" x2="{x:.1f}" y2="{height}"/>'
    return f'{line}<text x="{x:.1f}" y="42" text-anchor="middle">{factor:g} ×</text>'


def _bar(row: Row, margin: float, y: int) -> str:
    one, end, colour = _place(1), _place(margin), COLOURS[margin >= 1]
    label = f"{row.what} / {row.peer_name}" if row.peer_name else row.what
    beside, anchor = (end + 4, "start") if margin >= 1 else (end - 4, "end")
    return (
        f'<text x="{LABELS - 8}" y="{y + BAR - 4}" text-anchor="end">{escape(label)}</text>'
        f'<rect x="{min(one, end):.1f}" y="{y}" width="{abs(end - one):.1f}" height="{BAR}" fill="{colour}"/>'
        f'<text x="{beside:.1f}" y="{y + BAR - 4}" text-anchor="{anchor}">{margin:.2f}</text>'
    )
