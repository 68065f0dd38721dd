"""Types of the page's modules: a user's program is checked by them, and they against the modules themselves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from handshake_prompt.page import npm_package

PAGE = Path(npm_package.__file__).parent
SOURCE = Path(__file__).parent / "types"
STRICT = {
    "noEmit": True,
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "target": "es2022",
    "lib": ["es2023", "dom", "dom.iterable"],
    "types": [],
}
DECLARED = re.compile(r"^export (?:class|function|interface|type) (\w+)", re.MULTILINE)
MEMBER = re.compile(r"^  (?:static |get )?(\w+)(?:<[^(]*>)?[(:]", re.MULTILINE)
CALLBACKS = {"constructor", "connectedCallback", "disconnectedCallback"}
"""Members that a user's program does not name."""
SOURCES_ARE = {
    **STRICT,
    "target": "esnext",
    "lib": ["esnext", "dom", "dom.iterable"],
    "allowJs": True,
    "checkJs": True,
    "noImplicitAny": False,  # of the sources, what is not plain is annotated
    "noUncheckedIndexedAccess": False,
    "module": "esnext",
    "moduleResolution": "bundler",
}


TSX = """
export const page = (
  <form id="claim">
    <handshake-prompt for="claim" name="claim" className="side" />
  </form>
);
export const used: [Field[], FieldRecord?, HandshakeSession?] = [schemaOf(new HTMLFormElement())];
export const given = (form: HTMLFormElement) => valuesOf(form, used[0]);
"""
FRAMES = re.compile(r"const FRAMES = new Set\(\[(.*?)\]\);", re.DOTALL)
"""In the client's own source: the frames that are events under their own names."""


def members_of(interface: str, source: Path) -> set[str]:
    """Return the names that an interface declares."""
    found = re.search(
        rf"^export interface {interface} \{{\n(.*?)^\}}", source.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    return set(re.findall(r"^  (\w+):", found[1], re.MULTILINE))


def check(packages: Path, folder: Path, files: list[str], options: dict[str, object]) -> str:
    """Run `tsc` in a folder and return what it finds wrong."""
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": files}))
    compiler = packages / "node_modules" / ".bin" / "tsc"
    return subprocess.run([compiler, "-p", folder], check=False, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the modules with their types beside them."""
    shutil.copytree(PAGE, tmp_path / "page", ignore=shutil.ignore_patterns("__pycache__", "demo"))
    return tmp_path


@pytest.mark.parametrize(("module", "resolution"), [("esnext", "bundler"), ("node16", "node16")])
def test_a_program_with_every_public_name_is_checked_under_each_resolution(
    packages: Path, copied: Path, tmp_path: Path, module: str, resolution: str
) -> None:
    shutil.copy(SOURCE / "page.ts", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(copied.parent)
    options = STRICT | {"module": module, "moduleResolution": resolution}
    assert check(packages, tmp_path, ["page.ts"], options) == ""


def test_the_readme_s_own_types_hold_in_a_program_for_react(packages: Path, copied: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```ts\n(.*?)```", (PAGE / "README.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "page.tsx").write_text("\n".join([*blocks, TSX]))
    (tmp_path / "node_modules").symlink_to(copied.parent)
    options = STRICT | {"module": "esnext", "moduleResolution": "bundler", "jsx": "react-jsx", "types": ["react"]}
    assert check(packages, tmp_path, ["page.tsx"], options) == ""


def test_that_program_has_every_public_name() -> None:
    program = (SOURCE / "page.ts").read_text("utf-8")
    words = set(re.findall(r"\w+", program))
    for types in PAGE.glob("*.d.ts"):
        text = types.read_text("utf-8")
        classes = re.findall(r"^export class .*?^}", text, re.MULTILINE | re.DOTALL)
        members = {name for body in classes for name in MEMBER.findall(body)}
        names = set(DECLARED.findall(text)) | members - CALLBACKS
        assert names <= words, types.name


def test_every_public_module_has_types() -> None:
    modules = npm_package.public_modules(npm_package.package_files())
    assert {"client", "element", "form"} <= set(modules)
    assert [name for name in modules if not (PAGE / f"{name}.d.ts").is_file()] == []
    drift = (SOURCE / "drift.ts").read_text("utf-8")
    assert [name for name in modules if drift.count(f"/{name}.js") != 2] == []


def test_the_modules_agree_with_the_types_that_they_and_others_see_of_each_other(packages: Path, sources: Path) -> None:
    modules = [f"page/{path.name}" for path in PAGE.iterdir() if path.name.endswith((".js", ".d.ts"))]
    assert check(packages, sources, modules, SOURCES_ARE) == ""


def test_the_types_declare_what_is_there_and_nothing_else(packages: Path, sources: Path) -> None:
    shutil.copytree(sources / "page", sources / "implemented", ignore=shutil.ignore_patterns("*.d.ts"))
    shutil.copytree(sources / "page", sources / "declared", ignore=shutil.ignore_patterns("*.js"))
    shutil.copy(SOURCE / "drift.ts", sources)
    # The modules take their own classes, which private members make narrower than those declared.
    found = check(packages, sources, ["drift.ts"], SOURCES_ARE | {"strictFunctionTypes": False})
    # Without declarations the modules do not know each other's types: what they have wrong is the other test's.
    assert [line for line in found.splitlines() if "drift.ts(" in line] == []


def test_the_events_of_a_session_are_declared_and_documented() -> None:
    told = FRAMES.search((PAGE / "client" / "frames.js").read_text("utf-8"))
    assert told is not None
    frames, own = members_of("FrameMembers", PAGE / "wire.d.ts"), members_of("OwnEvents", PAGE / "client.d.ts")
    assert frames == set(re.findall(r'"(\w+)"', told[1]))
    rows = re.findall(r"^\| `([\w ]+)` \|", (PAGE / "README.md").read_text("utf-8"), re.MULTILINE)
    assert set(" ".join(rows).split()) >= frames | own
