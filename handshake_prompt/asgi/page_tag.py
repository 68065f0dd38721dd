"""Markup of the tag that hands a form of a page to an agent, for templates."""

from __future__ import annotations

from html import escape

TAG = '<script type="module" src="{prefix}/element.js"></script><handshake-prompt {attributes}></handshake-prompt>'


class Markup(str):
    """Text that templates of Jinja and Django put into a page as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return the text itself: it is escaped already."""
        return str(self)


def page_tag(prefix: str, *, form: str, element_id: str, language: str) -> Markup:
    """Return the script and the tag.

    Args:
        prefix: where the protocol is mounted.
        form: the name of a registered form; "" for one that is derived from the page's own controls.
        element_id: the id of the form in the page; "" for the form around the tag.
        language: `en` or `zh`; "" for the page's.
    """
    given = {"for": element_id, "name": form, "base": prefix, "lang": language}
    attributes = " ".join(f'{name}="{escape(value)}"' for name, value in given.items() if value)
    return Markup(TAG.format(prefix=escape(prefix), attributes=attributes))
