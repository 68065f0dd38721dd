"""Parts of a test's world that a machine may lack."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

import pytest


def absent(part: str, remedy: str) -> None:
    """Skip the test for want of `part`, or fail it where everything is required (`HPP_REQUIRE_ALL=1`)."""
    reason = f"{part} is not there: {remedy}"
    if os.environ.get("HPP_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def need_program(name: str) -> None:
    """Skip the test where a program is not there."""
    if shutil.which(name) is None:
        absent(name, f"apt-get install {name}")


def need_extra_forms() -> None:
    """Skip the test where the extra `forms` is not installed whole."""
    if not all(map(find_spec, ("jsonschema", "regex", "rfc3339_validator", "rfc3986_validator"))):
        absent("the extra `forms`", "pip install -e '.[forms]'")


def need_extra_qr() -> None:
    """Skip the test where the extra `qr` is not installed."""
    if not find_spec("segno"):
        absent("the extra `qr`", "pip install -e '.[qr]'")
