"""Sources of the page's ES modules: the digest of them all, their import graph, and entries to it.

An entry re-exports one module from below the digest, so that the module's address changes with its contents.
"""

from __future__ import annotations

import gzip
import posixpath
import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import NamedTuple

from handshake_prompt.protocol.errors import NotFoundError

MODULES = ("client", "draw", "element", "form", "webmcp")
"""Names of the modules that pages import; `NAME.js` imports what is below `NAME/`."""
KEPT = "modules"
"""The folder of the modules at addresses of their contents: `modules/DIGEST/client.js`."""
_IMPORT = re.compile(r"""^(?:import|export)\b(?:[^"';]*?\bfrom)?\s*"(\.{1,2}/[^"]+)";$""", re.MULTILINE)


class Representation(NamedTuple):
    """A module as it is sent in one content coding, with an entity tag of its own (RFC 9110, section 8.8.3.3)."""

    body: bytes
    etag: bytes


class Document(NamedTuple):
    """A module in the content codings that it is sent in."""

    plain: Representation
    gzipped: Representation


@cache
def module(path: str) -> Document:
    """Return a module by its path, such as `client/rows.js`.

    Raises:
        NotFoundError: there is no such module.
    """
    return _document(_source(path))


@cache
def entry(path: str) -> Document:
    """Return the entry to a module: it exports the same, and imports all that the module's own imports reach.

    A browser learns of these at once rather than from one level of imports after another. The module itself is the
    first, so they are evaluated in the order of its imports.

    Raises:
        NotFoundError: there is no such module.
    """
    _source(path)
    kept = posixpath.relpath(f"{KEPT}/{digest()}", posixpath.dirname(path) or ".")
    root = kept if kept.startswith("../") else f"./{kept}"
    imports = [f'import "{root}/{each}";\n' for each in reached(path)]
    return _document(f'export * from "{root}/{path}";\n{"".join(imports)}'.encode())


@cache
def digest() -> str:
    """Return a digest of all modules: another version has another one."""
    hashed = sha256()
    for path, source in _sources().items():
        hashed.update(b"%s %d\n%s" % (path.encode(), len(source), source))
    return hashed.hexdigest()[:16]


def reached(path: str) -> list[str]:
    """Return the paths of the modules that a module's imports reach, without the module, the nearest ones first."""
    paths = [path]
    for importer in paths:  # which grows meanwhile
        paths += [each for each in imported(importer) if each not in paths]
    return paths[1:]


def imported(path: str) -> list[str]:
    """Return the paths of the modules that a module imports."""
    names = _IMPORT.findall(_source(path).decode())
    return list(dict.fromkeys(posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) for name in names))


def _source(path: str) -> bytes:
    source = _sources().get(path)
    if source is None:
        raise NotFoundError("There is no such module")
    return source


@cache
def _sources() -> Mapping[str, bytes]:
    page = resources.files("handshake_prompt.page")
    parts = [
        f"{name}/{part.name}" for name in MODULES for part in page.joinpath(name).iterdir() if part.name.endswith(".js")
    ]
    return {path: page.joinpath(path).read_bytes() for path in sorted([*(f"{name}.js" for name in MODULES), *parts])}


def _document(source: bytes) -> Document:
    return Document(_representation(source), _representation(gzip.compress(source, mtime=0)))


def _representation(body: bytes) -> Representation:
    return Representation(body, b'"%s"' % sha256(body).hexdigest()[:32].encode())
