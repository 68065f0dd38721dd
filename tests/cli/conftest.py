"""The command as an installed script."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder in which the command is, as after an installation."""
    script = tmp_path / "handshake-prompt"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m handshake_prompt "$@"\n')
    script.chmod(0o755)
    return tmp_path
