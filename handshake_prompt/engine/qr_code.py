"""QR code of an address as SVG, where the extra `qr` is installed (ISO/IEC 18004, by segno)."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.util import find_spec
from io import BytesIO

QUIET_ZONE = 4
"""Light modules around the code, as the standard asks for."""


async def qr_code(address: str) -> str | None:
    """Return an SVG element with a light square of its own for any background; None without the extra.

    It has no script, no style and no size: `viewBox` leaves that to the page. Drawing takes some 5 ms, in a thread.
    """
    return await asyncio.to_thread(_draw_svg, address) if _is_installed() else None


@cache
def _is_installed() -> bool:
    return find_spec("segno") is not None


def _draw_svg(address: str) -> str:
    import segno  # noqa: PLC0415 - an extra, and loaded only where it is used

    svg = BytesIO()
    segno.make(address, error="m", micro=False).save(
        svg, kind="svg", border=QUIET_ZONE, dark="#000", light="#fff", omitsize=True, xmldecl=False, nl=False,
        svgclass=None, lineclass=None,
    )  # fmt: skip
    return svg.getvalue().decode()
