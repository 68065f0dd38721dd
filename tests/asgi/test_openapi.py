"""The OpenAPI description, as far as it does not depend on a request."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import json
from handshake_prompt import Limits
from handshake_prompt.asgi.openapi import openapi
print(json.dumps(openapi("/handshake", Limits()), sort_keys=True))
"""


def described(*options: str) -> str:
    return subprocess.run(
        [sys.executable, *options, "-c", SCRIPT], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_it_is_the_same_without_docstrings() -> None:
    assert described("-OO") == described() != ""
