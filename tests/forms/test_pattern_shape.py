"""How large a pattern is, and how many of its atoms can be next to match, is read from its text."""

from __future__ import annotations

import pytest

from handshake_prompt.forms.pattern_shape import Shape, shape_of

SHAPES: dict[str, tuple[str, Shape]] = {
    "nothing": ("", Shape()),
    "characters": ("abc", Shape(3, 1)),
    "a count": ("[a-z]{3}", Shape(3, 1)),
    "a range of counts": (".{0,255}", Shape(255, 1, varies=True)),
    "a count without end": ("a{2,}", Shape(2, 1, varies=True)),
    "what comes behind a repeat can be next with it": ("a*b{9}", Shape(10, 10, varies=True)),
    "what comes before it can not": ("b{9}a*", Shape(10, 1, varies=True)),
    "a repeat of one length is in step": ("(?:abc)*", Shape(3, 1, varies=True)),
    "a repeat of many lengths is not": ("(?:ab?c)*", Shape(3, 3, varies=True)),
    "alternatives": ("ab|c", Shape(3, 2, varies=True)),
    "a group": ("(a|b){3}", Shape(6, 6, varies=True)),
    "nested counts": ("((a{9}){9}){9}", Shape(729, 1)),
    "Unicode classes": (r"\pL[\p{N}\PS]", Shape(2, 1, classes=3)),
    "a negated class of names": ("[[:^alpha:]]", Shape(1, 1, classes=1)),
    "escapes": (r"\d\x{10ffff}\x41\101\.", Shape(5, 1)),
    "a quotation": (r"\Qa{1000}\E", Shape(7, 1)),
    "a bracket within a class": ("[]a]{3}", Shape(3, 1)),
    "a brace that is no count": ("a{b", Shape(3, 1)),
    "flags and names": ("(?i)(?P<n>a)(?s:b)", Shape(2, 1)),
    "a group that is not closed": ("(a{5}", Shape(5, 1)),
    "a group that is not opened": ("a)b", Shape(2, 1)),
    "counts beyond reason": ("((((a{9999}){9999}){9999}){9999})", Shape(1_000_000, 1)),
}


@pytest.mark.parametrize(("text", "shape"), SHAPES.values(), ids=SHAPES)
def test_a_pattern_has_a_shape(text: str, shape: Shape) -> None:
    assert shape_of(text) == shape
