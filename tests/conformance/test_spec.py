"""The specification and this suite say the same: every requirement has one test, every test one requirement."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handshake_prompt import HandshakeApp, HandshakeError
from tests.support.in_process import open_in_process

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SPEC = (ROOT / "SPEC.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
REQUIREMENT = re.compile(r"^- \*\*HPP-([0-9]{3})\*\* (.+(?:\n  .+)*)$", re.MULTILINE)


def test_every_requirement_has_exactly_one_test_and_every_test_a_requirement() -> None:
    tests = Counter(number for _, number in _tests())
    requirements = Counter(number for number, _ in REQUIREMENT.findall(SPEC))
    assert tests == requirements
    assert set(tests.values()) == {1}


def test_every_requirement_is_one_sentence_with_a_must() -> None:
    odd = [number for number, text in REQUIREMENT.findall(SPEC) if "MUST" not in text or not text.endswith(".")]
    assert odd == []


def test_the_numbers_the_documents_refer_to_exist() -> None:
    known = {number for number, _ in REQUIREMENT.findall(SPEC)}
    assert set(re.findall(r"HPP-([0-9]{3})", SPEC)) == known
    assert set(re.findall(r"HPP-([0-9]{3})", CHANGELOG)) <= known


def test_the_contents_list_every_heading_in_order() -> None:
    contents, _, text = SPEC.partition("\n## ")
    listed = re.findall(r"^( *)- \[(.+)\]\(#", contents, re.MULTILINE)
    headings = re.findall(r"^##(#?) (.+)$", f"## {text}", re.MULTILINE)
    assert [(bool(indent), title) for indent, title in listed] == [(bool(deep), title) for deep, title in headings]


def test_every_endpoint_of_the_table_has_a_heading() -> None:
    requests = re.findall(r"^\| `([A-Z]+ /[^`?]*)", SPEC.partition("## 4. ")[2].partition("## 5. ")[0], re.MULTILINE)
    headings = " ".join(re.findall(r"^### (.+)$", SPEC, re.MULTILINE))
    assert len(requests) > 10
    assert [request for request in requests if f"`{request}`" not in headings] == []


def test_the_threats_name_tests_that_are_there() -> None:
    where = {f"HPP-{number}": file for file, number in _tests()}
    threats = SPEC.partition(". Threat model\n")[2]
    named = re.findall(r"`(test_\w+\.py)`((?:,? HPP-[0-9]{3})+)", threats)
    wrong = [(file, one) for file, ones in named for one in re.findall(r"HPP-[0-9]{3}", ones) if where[one] != file]
    assert (len(named) > 20, wrong) == (True, [])


def test_every_error_of_the_server_is_in_the_table_with_its_status() -> None:
    """But for those of the roots of the tree, whose codes are always more precise than their class's."""
    rows = re.findall(
        r"^\| ([45][0-9]{2}) \| (`.+`) \|$", SPEC.partition("## 9. ")[2].partition("## 10. ")[0], re.MULTILINE
    )
    listed = {(int(status), code) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    raised = {(error.status, error.code) for error in _errors(HandshakeError)}
    assert len(raised) > 30
    assert raised - listed == {(409, "conflict"), (413, "too_large")}


async def test_the_examples_have_the_members_that_a_server_sends() -> None:
    created, pickup, acted, problem = (json.loads(found) for found in re.findall(r"```json\n(.*?)```", SPEC, re.DOTALL))
    schema = [{"key": "name"}, {"key": "city"}, {"key": "age", "type": "integer"}]
    peer = await open_in_process(
        HandshakeApp(), {"mode": "form-fill", "schema": schema, "context": {"city": "Ulm"}, "pickup": True}
    )
    sent = await peer.act({"name": "Ada", "city": "Bonn", "age": "old"})
    await peer.user("DELETE", "session")
    refused = (await peer.agent("GET", "context")).json()
    assert _shape(created) == _shape({name: value for name, value in peer.created.items() if name != "pickup"})
    assert _shape(pickup) - {"svg"} == _shape(peer.created["pickup"]) - {"svg"}
    assert _shape(acted) == _shape(sent)
    assert [_shape(one) for one in acted["results"]] == [_shape(one) for one in sent["results"]]
    assert _shape(acted["errors"][0]) == _shape(sent["errors"][0])
    assert _shape(acted["broadcast"]) == _shape(sent["broadcast"])
    assert _shape(problem) == _shape(refused)
    assert (problem["code"], problem["status"], problem["title"]) == tuple(
        refused[name] for name in ("code", "status", "title")
    )


def _shape(members: Mapping[str, Any]) -> set[str]:
    return set(members)


def _errors(root: type[HandshakeError]) -> Iterator[type[HandshakeError]]:
    yield root
    for error in root.__subclasses__():
        yield from _errors(error)


def _tests() -> list[tuple[str, str]]:
    """Return the file and the requirement of every test that has one in its name."""
    return [
        (path.name, match[1])
        for path in sorted(HERE.glob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (match := re.match(r"test_hpp_([0-9]{3})_", node.name))
    ]
