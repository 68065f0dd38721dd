"""Reader of elements of XML, as models write them: without a document around, declarations or entities of its own.

Elements that only change how text looks are read as their text. The time is linear in the length of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape, unescape

from .field_names import FieldNames
from .lenient_json import DEPTH
from .pasted_text import TextFaultError

_TAG = re.compile(
    r"<!--[^\n]{0,200}?-->|<\?[^<>\n]{0,200}\?>|<!\[CDATA\[(?P<data>[^\]]{0,10000}+)\]\]>"
    r"|<(?P<end>/?)(?P<name>[^\W\d][\w.:-]{0,99})"
    r"(?P<attributes>(?:\s{1,20}[\w.:-]{1,60}\s{0,5}=\s{0,5}(?:\"[^\"<>\n]{0,2000}\"|'[^'<>\n]{0,2000}'))*)"
    r"\s{0,20}(?P<empty>/?)>"
)
_ATTRIBUTE = re.compile(r"([\w.:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_PLAIN = frozenset({"b", "strong", "i", "em", "u", "span", "p", "mark", "small", "font"})
"""Elements that only change how their text looks."""
_NAMING = frozenset({"field", "entry", "item", "parameter", "param", "property", "input", "arg", "argument", "value"})
"""Elements that an attribute may name."""
_NAMES = ("key", "name", "field", "id", "label")
"""Such attributes."""


@dataclass(slots=True)
class Element:
    """An element: its name and attributes, the places of its tag and its inside, its text, and the elements in it."""

    name: str
    attributes: dict[str, str]
    place: int
    inside: int
    end: int = 0
    texts: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    @classmethod
    def around(cls, place: int) -> Element:
        """Return an element without a tag, for others to stand in."""
        return cls("", {}, place, place, place)

    @property
    def text(self) -> str:
        """The text of its own."""
        return "".join(self.texts)

    @property
    def kind(self) -> str:
        """The name in lower case."""
        return self.name.lower()

    @property
    def naming(self) -> str:
        """The attribute that names the member, "" if the element's own name does."""
        return next(iter(self.namings), "")

    @property
    def namings(self) -> list[str]:
        """All such attributes."""
        return [self.attributes[name] for name in _NAMES if name in self.attributes and self.kind in _NAMING]

    @property
    def member(self) -> str:
        """The name of the member that it is."""
        return self.naming or self.name


class ElementReader:
    """Reads one element, in one pass."""

    def __init__(self, text: str, end: int, names: FieldNames) -> None:
        self._text = text
        self._end = end
        self._names = names
        self._open: list[Element] = []

    def element(self, start: int) -> Element:
        """Return the element that begins at a place.

        Raises:
            TextFaultError: it is not closed, or nested too deeply.
        """
        at, tag = start, _TAG.match(self._text, start, self._end)
        while tag is not None:
            self._add_text(self._text[at : tag.start()])
            if (closed := self._take_tag(tag)) is not None:
                return closed
            at = tag.end()
            tag = _TAG.search(self._text, at, self._end)
        raise TextFaultError("this element is not closed", start)

    def inside(self, start: int) -> Element:
        """Return the element around all that begins at a place.

        Raises:
            TextFaultError: one in it is not closed, or nested too deeply.
        """
        root = Element.around(start)
        self._open = [root]
        at = start
        for tag in _TAG.finditer(self._text, start, self._end):
            self._add_text(self._text[at : tag.start()])
            self._take_tag(tag)
            at = tag.end()
        self._add_text(self._text[at : self._end])
        if self._open != [root]:
            raise TextFaultError("this element is not closed", self._open[-1].place)
        return root

    def _take_tag(self, tag: re.Match[str]) -> Element | None:
        """Take a tag; return the whole element once it is closed."""
        name = (tag["name"] or "").rpartition(":")[2]
        if tag["data"] is not None or name.lower() == "br":
            self._add_text(escape(tag["data"] or "\n"))
            return None
        if not name or (name.lower() in _PLAIN and self._names.key_of(name) is None):
            return None
        if not tag["end"]:
            if len(self._open) == DEPTH:
                raise TextFaultError("it is nested too deeply", tag.start())
            self._open.append(Element(name, _parse_attributes(tag["attributes"]), tag.start(), tag.end()))
        return self._close_element(name, tag) if tag["end"] or tag["empty"] else None

    def _close_element(self, name: str, tag: re.Match[str]) -> Element | None:
        if not self._open or self._open[-1].name != name:
            raise TextFaultError("the element around this is not closed", tag.start())
        closed = self._open.pop()
        closed.end = tag.end()
        if not self._open:
            return closed
        self._open[-1].children.append(closed)
        return None

    def _add_text(self, text: str) -> None:
        if self._open:
            self._open[-1].texts.append(text)


def _parse_attributes(text: str) -> dict[str, str]:
    return {name.lower(): unescape(double or single) for name, double, single in _ATTRIBUTE.findall(text)}
