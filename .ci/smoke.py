"""Tries an installed wheel from the outside: the demo starts, and the commands find their way to its session."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

COMMAND = [sys.executable, "-m", "handshake_prompt"]
DATA = (
    *("py.typed", "cli/SKILL.md", "stores/redis/scripts/visit.lua"),
    *("page/client.js", "page/client.d.ts", "page/client/connection.js"),
)
"""Files of the package that are no modules."""


def main() -> None:
    """Run the trial.

    Raises:
        SystemExit: something did not answer as it should.
    """
    with subprocess.Popen([*COMMAND, "demo", "--port", "0"], stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            announced = re.search(r"http://\S+", demo.stdout.readline())
            assert announced is not None
            try_commands(try_demo(announced[0]))
        finally:
            demo.terminate()
    package = Path(sys.modules["handshake_prompt"].__file__ or "")
    assert "site-packages" in package.parts, f"the checkout was tried instead of the wheel: {package}"
    assert all((package.parent / name).is_file() for name in DATA)
    print("The wheel works.")


def try_demo(url: str) -> str:
    """Open the page, its module, and a session; return the prompt."""
    for path in ("/", "/handshake/client.js", "/handshake/openapi.json"):
        with urllib.request.urlopen(url + path, timeout=10) as response:
            assert response.status == 200, path
    body = json.dumps({"mode": "form-fill", "prompt": True}).encode()
    request = urllib.request.Request(
        f"{url}/handshake/session", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        created = json.load(response)
    import handshake_prompt

    prompt: str = created["prompt"]
    assert handshake_prompt.parse_prompt(prompt).session_id == created["sessionId"]
    return prompt


def try_commands(prompt: str) -> None:
    """Fill in a field as an agent does."""
    acted = run("action", "--json", "--prompt", "-", "--set", "name=Ada", given=prompt)
    assert json.loads(acted)["applied"] == ["name"]
    assert "handshake-prompt" in run("skill")


def run(*arguments: str, given: str = "") -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(
        [*COMMAND, *arguments], input=given, text=True, check=True, stdout=subprocess.PIPE, timeout=30
    )
    return done.stdout


if __name__ == "__main__":
    main()
