"""The specification and this suite say the same: every requirement has one test, every test one requirement."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

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


def _tests() -> list[tuple[str, str]]:
    """Return the file and the requirement of every test that has one in its name."""
    return [
        (path.name, match[1])
        for path in sorted(HERE.glob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (match := re.match(r"test_hpp_([0-9]{3})_", node.name))
    ]
