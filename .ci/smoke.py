"""Tries an installed wheel from the outside: the demo starts, serves its page, and a session can be opened."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

DEMO = [sys.executable, "-m", "handshake_prompt", "demo", "--port", "0"]


def main() -> None:
    """Run the trial.

    Raises:
        SystemExit: something did not answer as it should.
    """
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            announced = re.search(r"http://\S+", demo.stdout.readline())
            assert announced is not None
            try_demo(announced[0])
        finally:
            demo.terminate()
    package = Path(sys.modules["handshake_prompt"].__file__ or "")
    assert "site-packages" in package.parts, f"the checkout was tried instead of the wheel: {package}"
    assert (package.parent / "py.typed").is_file()
    print("The wheel works.")


def try_demo(url: str) -> None:
    """Open the page, its module, and a session."""
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

    assert handshake_prompt.parse_prompt(created["prompt"]).session_id == created["sessionId"]


if __name__ == "__main__":
    main()
