"""README and its code, which runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

README_FILE = Path(__file__).parents[2] / "README.md"
README = README_FILE.read_text("utf-8")
RUN_MODULE = """
async (code) => {
  const script = document.createElement("script");
  script.type = "module";
  script.textContent = code;
  document.body.append(script);
}
"""
"""Runs code for pages, as a module of its own; for `evaluate` of Playwright."""


def block(word: str, document: str = README) -> str:
    """Return the one code block of a document with a word in it."""
    (found,) = [code for code in re.findall(r"```python\n(.*?)```", document, re.DOTALL) if word in code]
    return str(found)


def run(code: str, document: str = "README.md") -> dict[str, Any]:
    """Run a code block as a module of its own and return its names."""
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(code, document, "exec", dont_inherit=True), names)  # without this module's __future__
    return names
