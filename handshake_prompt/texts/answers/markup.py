"""Elements of XML in an agent's answer, as the objects of JSON that they stand for. SPEC.md section 11.

An element is a member of the one around it: by its own name, or by an attribute of it where it is a mere `field`. Its
text stands for a value as a line's does. A text with two readings, such as text beside elements, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

from .answer import ABOUT, CONTENT, Loose
from .elements import Element, ElementReader
from .field_names import FieldNames
from .lenient_json import JSONReader
from .line_values import without_link
from .members import WRAPPERS, Note
from .pasted_text import TextFaultError
from .placed_json import Listed, Members

_CALL = "invoke"
_AROUND = WRAPPERS | {"function_calls"}
_PARTS = CONTENT | {_CALL}
_ROOT = re.compile(rf"<(?:[\w-]{{1,30}}:)?(?P<name>{'|'.join(sorted(_AROUND | _PARTS | ABOUT))})[\s/>]", re.IGNORECASE)
_ITEMS = frozenset({"item", "row", "entry", "li", "value", "option", "element", "field", "line", "record", "question"})
"""Elements that are entries of a list, even where one stands alone."""
_BROKEN = 20
"""Elements without an end, after which no more are looked for: each costs the time of looking for its end."""
_INDENTED = re.compile(r"\n[ \t]")


class MarkupReader:
    """Reads the elements of a part of a text.

    Args:
        text: the whole text.
        names: of the form's fields.
        note: told of elements that cannot be read.
    """

    def __init__(self, text: str, names: FieldNames, note: Note) -> None:
        self._text = text
        self._names = names
        self._note = note

    def read_objects(self, start: int, end: int, *, in_block: bool) -> Iterator[tuple[Members, int]]:
        """Yield the objects that elements stand for, with their places.

        Args:
            start: of the part.
            end: of the part.
            in_block: whether it is a block of the name, and so has nothing but elements.
        """
        for root in self._whole_block(start, end) if in_block else self._root_elements(start, end):
            try:
                if any(map(self._is_of_answer, root.children)):
                    yield self._object_of(root), root.place
            except TextFaultError as fault:
                self._note(fault.at, fault.msg)

    def _whole_block(self, start: int, end: int) -> Iterator[Element]:
        """Yield the element around the elements of a block."""
        try:
            root = ElementReader(self._text, end, self._names).inside(start)
        except TextFaultError as fault:
            self._note(fault.at, fault.msg)
        else:
            yield root.children[0] if len(root.children) == 1 and root.children[0].kind in _AROUND else root

    def _root_elements(self, start: int, end: int) -> Iterator[Element]:
        """Yield the elements around answers; parts of one with mere white space between them, as within one."""
        around = Element.around(start)
        for found in self._outermost_elements(start, end):
            if found.kind in _AROUND or self._text[around.end : found.place].strip():
                yield around
                around = Element.around(found.place)
            if found.kind in _AROUND:
                yield found
                around.end = found.end
            elif around.children or found.kind in _PARTS:  # a mere `code` is a tag of HTML
                around.children.append(found)
                around.end = found.end
        yield around

    def _outermost_elements(self, start: int, end: int) -> Iterator[Element]:
        """Yield the outermost elements that may be an answer or a part of one."""
        at, broken = start, 0
        while broken < _BROKEN and (found := _ROOT.search(self._text, at, end)) is not None:
            at = found.end()
            try:
                element = ElementReader(self._text, end, self._names).element(found.start())
            except TextFaultError as fault:
                broken += 1
                if found["name"].lower() in _PARTS:  # others may be a chat's, around prose and an object
                    self._note(fault.at, fault.msg)
            else:
                at = element.end
                yield element

    def _is_of_answer(self, element: Element) -> bool:
        """Whether an element is a part of an answer, or a field of the form."""
        names = self._names
        return element.kind in _PARTS or names.key_of(element.member) is not None or names.has_group(element.name)

    def _object_of(self, element: Element) -> Members:
        """Return the object that an element of elements stands for.

        Raises:
            TextFaultError: two of its members have one name, or text stands beside them.
        """
        _check_text(element)
        if all(child.kind == _CALL for child in element.children):
            return self._calls_in(element.children)
        found = Members()
        for child in element.children:
            self._names.check_are_one(child.namings, child.place)
            if child.member in found:
                raise TextFaultError(f"{child.member!r} is there twice", child.place)
            if (value := self._value_of(child)) is None:
                self._note(child.place, "there is no value here")
            else:
                found.put_member(child.member, value, child.place)
        return found

    def _calls_in(self, elements: Sequence[Element]) -> Members:
        """Return the calls of tools as JSON has them."""
        calls, found = Listed(), Members()
        for element in elements:
            call = Members()
            call.put_member("name", element.attributes.get("name", ""), element.place)
            call.put_member("arguments", self._object_of(element), element.place)
            calls.put_entry(call, element.place)
        if elements:
            found.put_member("tool_calls", calls, elements[0].place)
        return found

    def _value_of(self, element: Element) -> Any:
        """Return the value that an element stands for; None if it stands for none.

        Raises:
            TextFaultError: it can be read in two ways.
        """
        if not element.children:
            return _text_value(element)
        if not self._is_list(element.children):
            return self._object_of(element)
        _check_text(element)
        listed = Listed()
        for child in element.children:
            if (value := self._value_of(child)) is not None:
                listed.put_entry(value, child.place)
        return listed

    def _is_list(self, elements: Sequence[Element]) -> bool:
        """Whether elements are entries of a list: all of one name that is no field's, several or of a usual name."""
        kind = elements[0].kind
        if any(one.kind != kind or one.naming for one in elements) or self._names.key_of(kind) is not None:
            return False
        return len(elements) > 1 or kind in _ITEMS


def _check_text(element: Element) -> None:
    """Refuse text beside elements: it may be a value, or a remark.

    Raises:
        TextFaultError: there is some.
    """
    if element.text.strip():
        raise TextFaultError("text stands beside elements", element.place)


def _text_value(element: Element) -> Any:
    """Return the value of an element without others.

    Raises:
        TextFaultError: it has lines that may be further in by its layout alone, or JSON that is none.
    """
    text = element.text.strip() or element.attributes.get("value", "").strip()
    if not text:
        return None
    if text[0] in "{[" and ("\n" in text or text[0] + text[-1] in ("{}", "[]")):
        skipped = len(element.text) - len(element.text.lstrip())
        return JSONReader(unescape(text), offset=element.inside + skipped).read_whole()
    if _INDENTED.search(text):
        raise TextFaultError("a text of several lines has to be written as JSON", element.place)
    return Loose(without_link(unescape(text)))
