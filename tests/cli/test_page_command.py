"""`page`: the copy of the page's modules, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from handshake_prompt.cli.copied_folder import MANIFEST, CopiedFolder, State
from handshake_prompt.page.npm_package import package_files
from tests.support.commands import run

FILES = {"a.js": b"one", "a/part.js": b"two"}
LATER = {"a.js": b"one more", "b.js": b"three"}


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder, without the manifest."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != MANIFEST}


def test_modules_types_and_a_package_json_are_copied_and_the_next_step_is_told(tmp_path: Path) -> None:
    done = run("page", str(tmp_path / "web" / "handshake"))
    assert done.exit_code == 0
    copied = contents(tmp_path / "web" / "handshake")
    assert copied == package_files()
    assert {"client.js", "client.d.ts", "client/connection.js", "wire.d.ts", "package.json"} <= set(copied)
    assert not any(name.startswith("demo") or name.endswith(".py") for name in copied)
    assert f"files: {len(copied)} added" in done.output
    assert f"npm install {tmp_path}/web/handshake\n" in done.output
    assert 'import "handshake-prompt/element.js";\n' in done.output


def test_a_folder_below_is_named_as_npm_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "npm install ./web/handshake\n" in run("page", "web/handshake").output


def test_a_second_copy_changes_nothing(tmp_path: Path) -> None:
    run("page", str(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.js")}
    done = run("page", str(tmp_path))
    assert done.exit_code == 0
    assert f"files: {len(package_files())} unchanged" in done.output
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.js")} == before


def test_files_of_the_projects_are_not_overwritten_and_then_nothing_is_copied(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "ours"}')
    (tmp_path / "main.js").write_text("ours")
    done = run("page", str(tmp_path))
    assert done.exit_code == 1
    assert "Nothing was copied" in done.output
    assert "package.json" in done.output
    assert "main.js" not in done.output
    assert contents(tmp_path) == {"package.json": b'{"name": "ours"}', "main.js": b"ours"}


def test_a_refusal_names_a_few_files_and_counts_the_others(tmp_path: Path) -> None:
    names = [name for name in package_files() if "/" not in name]
    for name in names:
        (tmp_path / name).write_text("ours")
    output = run("page", str(tmp_path)).output
    assert f"and {len(names) - 5} more" in output


def test_a_file_where_the_folder_would_be_is_an_error_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("ours")
    assert run("page", str(tmp_path / "file")).exit_code == 2
    below = run("page", str(tmp_path / "file" / "below"))
    assert below.exit_code == 1
    assert "Traceback" not in below.output


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    done = run("page", str(tmp_path))
    assert done.exit_code == 1
    assert "Permission denied" in done.output
    assert "Traceback" not in done.output


def test_a_later_version_replaces_adds_and_removes_what_was_copied(tmp_path: Path) -> None:
    CopiedFolder(tmp_path, FILES, "1").update()
    states = CopiedFolder(tmp_path, LATER, "2").update()
    assert states == {"a.js": State.UPDATED, "b.js": State.ADDED, "a/part.js": State.REMOVED}
    assert contents(tmp_path) == LATER


def test_a_copied_file_that_was_changed_since_is_the_projects(tmp_path: Path) -> None:
    CopiedFolder(tmp_path, FILES, "1").update()
    (tmp_path / "a.js").write_bytes(b"patched")
    assert CopiedFolder(tmp_path, LATER, "2").update()["a.js"] is State.FOREIGN
    assert contents(tmp_path) == {**FILES, "a.js": b"patched"}

    (tmp_path / "a.js").write_bytes(LATER["a.js"])
    (tmp_path / "a" / "part.js").write_bytes(b"patched")
    assert CopiedFolder(tmp_path, LATER, "2").update()["a/part.js"] is State.KEPT
    assert contents(tmp_path) == {**LATER, "a/part.js": b"patched"}


def test_what_is_no_plain_file_is_the_projects(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"one")
    folder = tmp_path / "folder"
    CopiedFolder(folder, FILES, "1").update()
    (folder / "a.js").unlink()
    (folder / "a.js").symlink_to(outside)
    assert CopiedFolder(folder, LATER, "2").update()["a.js"] is State.FOREIGN
    assert outside.read_bytes() == b"one"

    (folder / "a.js").unlink()
    (folder / "a.js").mkdir()
    assert CopiedFolder(folder, LATER, "2").update()["a.js"] is State.FOREIGN


@pytest.mark.parametrize("place", ["../outside", "{parent}/outside", "a/../../outside"])
def test_nothing_outside_the_folder_is_removed_for_a_manifest(tmp_path: Path, place: str) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    CopiedFolder(folder, {**FILES, "old.js": b"old"}, "1").update()
    outside.write_bytes(b"old")
    manifest = folder / MANIFEST
    manifest.write_text(manifest.read_text().replace("old.js", place.format(parent=tmp_path)))
    CopiedFolder(folder, FILES, "2").update()
    assert outside.read_bytes() == b"old"


@pytest.mark.parametrize("manifest", [b"", b"[]", b"\xff", b'{"files": 1}'])
def test_a_manifest_that_cannot_be_read_makes_every_changed_file_foreign(tmp_path: Path, manifest: bytes) -> None:
    CopiedFolder(tmp_path, FILES, "1").update()
    (tmp_path / MANIFEST).write_bytes(manifest)
    assert CopiedFolder(tmp_path, LATER, "2").update()["a.js"] is State.FOREIGN
    assert set(CopiedFolder(tmp_path, FILES, "1").update().values()) == {State.UNCHANGED}
