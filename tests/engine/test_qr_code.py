"""QR codes of addresses as SVG, and a server that draws none."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from handshake_prompt import HandshakeApp
from handshake_prompt.engine import qr_code
from tests.conftest import FORM
from tests.support.in_process import open_in_process
from tests.support.parts import need_extra_qr

ADDRESS = "https://example.com/handshake/pickup/7K3M-Q2VX-9HTD"
SVG = "{http://www.w3.org/2000/svg}"


def modules(path: str) -> set[tuple[int, int]]:
    """Return the dark modules of a path of horizontal strokes, as column and row."""
    dark, x, y = set(), 0.0, 0.0
    for move, numbers in re.findall(r"([Mmh])([-0-9. ]+)", path):
        values = [float(number) for number in numbers.split()]
        if move == "h":
            dark |= {(int(x) + step, int(y)) for step in range(int(values[0]))}
            x += values[0]
        else:
            x, y = (values[0], values[1]) if move == "M" else (x + values[0], y + values[1])
    return dark


async def test_a_code_is_drawn_in_a_light_square_with_its_quiet_zone_and_nothing_else() -> None:
    need_extra_qr()
    import segno  # noqa: PLC0415 - an extra

    drawn = await qr_code.qr_code(ADDRESS)
    assert drawn is not None
    svg = ET.fromstring(drawn)
    size = len(segno.make(ADDRESS, error="m", micro=False).matrix)
    whole = size + 2 * qr_code.QUIET_ZONE
    assert svg.attrib == {"viewBox": f"0 0 {whole} {whole}"}
    light, dark = svg
    assert (svg.tag, light.tag, dark.tag) == (f"{SVG}svg", f"{SVG}path", f"{SVG}path")
    assert (light.attrib["fill"], dark.attrib["stroke"]) == ("#fff", "#000")
    expected = {
        (x + qr_code.QUIET_ZONE, y + qr_code.QUIET_ZONE)
        for y, row in enumerate(segno.make(ADDRESS, error="m", micro=False).matrix)
        for x, is_dark in enumerate(row)
        if is_dark
    }
    assert modules(dark.attrib["d"]) == expected


async def test_a_server_without_the_extra_gives_the_address_and_no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qr_code, "_is_installed", lambda: False)
    offer = (await open_in_process(HandshakeApp(), {**FORM, "pickup": True})).created["pickup"]
    assert offer.keys() == {"url", "code", "expiresAt", "expiresIn"}


async def test_a_server_with_the_extra_draws_the_address_that_it_gives() -> None:
    need_extra_qr()
    offer = (await open_in_process(HandshakeApp(), {**FORM, "pickup": True})).created["pickup"]
    assert offer["svg"] == await qr_code.qr_code(offer["url"])
