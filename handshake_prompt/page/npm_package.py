"""The page's modules as a package of npm's, for projects that bundle: modules, types, and a `package.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from handshake_prompt.version import __version__

NAME = "handshake-prompt"
SUFFIXES = (".js", ".d.ts")
EFFECTS = ("./element.js",)
"""Modules that do something by being imported, here define an element: no bundler may leave them out."""
_RELEASE = re.compile(r"(?P<release>[0-9.]+?)\.?(?P<stage>[a-z]+)(?P<count>[0-9]+)")


def package_files() -> dict[str, bytes]:
    """Return the contents of the package's files by their paths in it."""
    page = resources.files(__package__)
    files = dict(_files_in(page, ""))
    modules = public_modules(files)
    for name in modules:
        files.update(_files_in(page.joinpath(name), f"{name}/"))
    return {**files, "package.json": json.dumps(_description(modules), indent=2).encode() + b"\n"}


def public_modules(files: Iterable[str]) -> list[str]:
    """Return the names of the modules that pages import: `NAME.js` has its parts below `NAME/`."""
    return sorted(path.removesuffix(".js") for path in files if path.endswith(".js") and "/" not in path)


def semantic(version: str) -> str:
    """Return a version of Python's (PEP 440) as one of npm's: `1.0.0.dev0` is `1.0.0-dev.0`."""
    found = _RELEASE.fullmatch(version)
    return f"{found['release']}-{found['stage']}.{found['count']}" if found else version


def _files_in(folder: Traversable, place: str) -> Iterator[tuple[str, bytes]]:
    if not folder.is_dir():  # of a module that has no parts
        return
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(SUFFIXES):
            yield place + file.name, file.read_bytes()


def _description(modules: Iterable[str]) -> dict[str, Any]:
    return {
        "name": NAME,
        "version": semantic(__version__),
        "description": "The person's side of the Handshake Prompt Protocol: hands a form to their own AI agent",
        "license": "MIT",
        "private": True,
        "type": "module",
        "main": "./client.js",
        "types": "./client.d.ts",
        "exports": {
            ".": _export("client"),
            **{f"./{name}.js": _export(name) for name in modules},
            "./package.json": "./package.json",
        },
        "sideEffects": list(EFFECTS),
    }


def _export(name: str) -> dict[str, str]:
    return {"types": f"./{name}.d.ts", "default": f"./{name}.js"}
