"""Sources of the page's modules: their digest, their import graph, and the entries to them."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from handshake_prompt.asgi import page_sources
from handshake_prompt.asgi.page_sources import MODULES, imported, reached
from handshake_prompt.protocol.errors import NotFoundError

PAGE = resources.files("handshake_prompt.page")
PATHS = sorted(
    [f"{name}.js" for name in MODULES]
    + [f"{name}/{part.name}" for name in MODULES for part in PAGE.joinpath(name).iterdir()]
)


def source(path: str) -> str:
    return PAGE.joinpath(path).read_text("utf-8")


@pytest.fixture(autouse=True)
def _anew() -> None:
    for cached in (page_sources._sources, page_sources.digest, page_sources.module, page_sources.entry):
        cached.cache_clear()


@pytest.mark.parametrize("path", PATHS)
def test_a_module_is_the_file_and_its_entry_names_it_first(path: str) -> None:
    assert page_sources.module(path).plain.body.decode() == source(path)
    up = "../" if "/" in path else "./"
    first, *others = page_sources.entry(path).plain.body.decode().splitlines()
    assert first == f'export * from "{up}modules/{page_sources.digest()}/{path}";'
    assert others == [f'import "{up}modules/{page_sources.digest()}/{each}";' for each in reached(path)]


@pytest.mark.parametrize("path", PATHS)
def test_a_module_exports_nothing_that_an_entry_does_not_pass_on(path: str) -> None:
    assert not re.search(r"^export default\b|\bas default\b", source(path), re.MULTILINE)


@pytest.mark.parametrize("path", PATHS)
def test_a_module_does_not_depend_on_its_own_address(path: str) -> None:
    assert "import.meta" not in source(path)


@pytest.mark.parametrize("path", PATHS)
def test_all_that_a_module_imports_is_found(path: str) -> None:
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", source(path), flags=re.DOTALL)
    named = re.findall(r'\bfrom\s*"([^"]+)"|\bimport\s*\(?\s*"([^"]+)"', code)
    assert len(imported(path)) == len({one or other for one, other in named})


def test_what_imports_reach_is_nearest_first_and_without_the_module() -> None:
    paths = reached("element.js")
    assert paths[: len(imported("element.js"))] == imported("element.js")
    assert len(paths) == len(set(paths))
    assert "element.js" not in paths
    assert all(set(imported(path)) <= {*paths, "element.js"} for path in paths)


def test_another_source_has_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = dict(page_sources._sources())
    variants = [
        sources,
        {**sources, "client.js": sources["client.js"] + b" "},
        {path: text for path, text in sources.items() if path != "client/copy_button.js"},
        {**sources, "client/copy.js": b""},
    ]
    digests = []
    for variant in variants:
        monkeypatch.setattr(page_sources, "_sources", lambda variant=variant: variant)
        page_sources.digest.cache_clear()
        digests.append(page_sources.digest())
    page_sources.digest.cache_clear()
    assert len(set(digests)) == len(variants)
    assert all(re.fullmatch("[0-9a-f]{16}", digest) for digest in digests)


@pytest.mark.parametrize("find", [page_sources.module, page_sources.entry, reached])
@pytest.mark.parametrize("path", ["", "client", "demo/demo.js", "../page/client.js", "client.d.ts", "/client.js"])
def test_what_is_no_module_is_not_found(find: object, path: str) -> None:
    with pytest.raises(NotFoundError):
        find(path)  # type: ignore[operator]
