"""Forms that frameworks render and hold the values of, with the real ones from npm, in a real Chromium."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.page.tabs import Tab
from tests.support.once import once

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOURCE = Path(__file__).parents[1] / "frameworks"
OPEN = """
async (script) => {
  await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  const { schemaOf, valuesOf } = await import("/handshake/form.js");
  globalThis.form = document.querySelector("form");
  const schema = schemaOf(form);
  record(await client.HandshakeSession.create({ mode: "form-fill", schema, ...valuesOf(form, schema) }));
  session.bind(form, { follow: true });
}
"""
VALUES: dict[str, Any] = {
    "text": "Ada", "story": "Once", "count": 7, "on": True, "one": "y", "pick": "blue", "several": ["p", "r"],
}  # fmt: skip
LOOK = """
Object.fromEntries(["text", "story", "count", "pick"].map((name) => [name, form[name].value]).concat([
  ["on", form.on.checked], ["one", form.one.value], ["several", [...form.several.selectedOptions].map((o) => o.value)],
]))
"""


@pytest.fixture(scope="session")
def bundles(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the bundled forms."""

    def bundle(_: Path) -> None:
        subprocess.run(["node", SOURCE / "bundle.mjs", packages], check=True, timeout=60)

    once(tmp_path_factory, "bundled", bundle)
    return packages / "bundled"


@pytest.mark.parametrize("framework", ["react", "vue", "svelte"])
async def test_a_framework_takes_the_agents_values_up_and_keeps_them(tab: Tab, bundles: Path, framework: str) -> None:
    await tab.do(OPEN, (bundles / f"{framework}.js").read_text("utf-8"))
    await tab.connect()
    peer = await tab.peer()
    assert (await peer.act(VALUES))["applied"] == list(VALUES)
    await tab.hears("done")
    state = await tab.do("JSON.parse(JSON.stringify(state))")
    assert state | {"count": int(state["count"])} == VALUES
    for _ in range(3):
        await tab.do("rerender()")
        await tab.turn(100)
    assert await tab.do("form.dataset.renders") == "3"
    assert await tab.do(LOOK) == VALUES | {"count": "7"}

    await tab.page.fill("[name=text]", "mine")
    await tab.page.uncheck("[name=on]")
    await tab.do("rerender()")
    assert await tab.settle() is True
    told = await peer.context()
    mine = {key: (record["value"], record["by"]) for key, record in told["context"].items() if record["by"] != "ai"}
    assert mine == {"text": ("mine", "user_edit"), "on": (False, "user_edit")}
    assert told.get("problems", []) == []
    assert await tab.do("[state.text, state.on]") == ["mine", False]
