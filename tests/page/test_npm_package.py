"""The copy of the page's modules that a project bundles: by a real bundler, in a real Chromium, and under Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from handshake_prompt.asgi.page_sources import MODULES
from handshake_prompt.page.npm_package import package_files, public_modules, semantic
from tests.page.tabs import CREATED, Site
from tests.support.peer import Peer

FORM = """
<form id="booking"><label>Name <input name="name"></label></form>
<handshake-prompt for="booking"></handshake-prompt>
"""
RUN = """
([markup, code]) => {
  document.body.innerHTML = markup;
  const script = document.createElement("script");
  script.type = "module";
  script.textContent = code;
  document.body.append(script);
}
"""
SESSION = "document.querySelector('handshake-prompt').session"


def bundle(packages: Path, folder: Path, code: str) -> str:
    """Bundle a script that imports the package."""
    entry, out = folder / "entry.js", folder / "bundle.js"
    entry.write_text(code)
    bundler = packages / "node_modules" / ".bin" / "esbuild"
    options = ["--bundle", "--format=esm", f"--outfile={out}", "--log-level=error"]
    environment = {"NODE_PATH": str(packages / "node_modules"), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    subprocess.run([bundler, entry, *options], check=True, timeout=60, env=environment)
    return out.read_text("utf-8")


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.usefixtures("copied")
async def test_a_bundled_tag_hands_the_form_over(
    packages: Path, tmp_path: Path, page: Page, shared: Site, http: Any
) -> None:
    code = bundle(packages, tmp_path, 'import "handshake-prompt/element.js";')
    shared.faults.reset()
    await page.goto(shared.url)
    await page.evaluate(RUN, [FORM, code])
    await page.get_by_role("button", name="Hand").click()
    await page.wait_for_function(f"{SESSION}?.state === 'open'")
    await page.evaluate(f"globalThis.session = {SESSION}")
    agent = Peer("", await page.evaluate(CREATED), "", http)
    assert (await agent.act({"name": "Ada"}))["applied"] == ["name"]
    await expect(page.locator("[name=name]")).to_have_value("Ada")


@pytest.mark.usefixtures("copied")
def test_a_bundle_has_nothing_of_modules_that_it_does_not_use(packages: Path, tmp_path: Path) -> None:
    code = bundle(packages, tmp_path, 'import { copyText } from "handshake-prompt"; copyText("x");')
    assert "WebSocket" not in code
    assert "customElements" not in code


def test_a_server_that_renders_pages_may_import_every_module(copied: Path) -> None:
    names = [f"handshake-prompt/{name}.js" for name in public_modules(package_files())]
    code = "await Promise.all({}.map((name) => import(name)));".format(json.dumps([*names, "handshake-prompt"]))
    subprocess.run(["node", "--input-type=module", "-e", code], check=True, timeout=60, cwd=copied.parent)


def test_the_package_exports_the_modules_that_a_server_serves(copied: Path) -> None:
    described = json.loads((copied / "package.json").read_text("utf-8"))
    assert described["exports"].keys() == {".", "./package.json", *(f"./{name}.js" for name in MODULES)}
    for export in described["exports"].values():
        targets = export.values() if isinstance(export, dict) else [export]
        assert all((copied / target).is_file() for target in targets)
    assert all((copied / effect).is_file() for effect in described["sideEffects"])


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.2.0", "1.2.0"), ("1.0.0.dev0", "1.0.0-dev.0"), ("1.1.0rc2", "1.1.0-rc.2"), ("2.0.0b1", "2.0.0-b.1")],
)
def test_the_version_is_one_that_npm_takes(version: str, expected: str) -> None:
    assert semantic(version) == expected
