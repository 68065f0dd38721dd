"""Names that agents claim for themselves, made fit to be shown beside the person's own doings. SPEC.md section 4."""

from __future__ import annotations

import re
from unicodedata import normalize

from .quoting import has_glyph, visible

NAME_CHARS = 64

_RESERVED = frozenset(
    {
        *(
            "you",
            "your",
            "yourself",
            "me",
            "i",
            "my",
            "myself",
            "person",
            "theperson",
            "user",
            "theuser",
            "human",
            "owner",
        ),
        *("admin", "administrator", "system", "server", "page"),
        *("你", "您", "我", "自己", "本人", "用户", "使用者", "管理员", "系统", "服务器", "页面"),
    }
)
"""Words by which a page speaks of its person or of itself, without spaces."""
_LOOKALIKES = str.maketrans("аеіорсухѕмһԝυοаιϲі0", "aeiopcyxsmhwuoaici" + "o")
"""Letters of other scripts, and a digit, that pass for those of the words above."""
_NO_LETTERS = re.compile(r"[\W_]+")


def claimed_name(text: str) -> str:
    """Return an agent's name for itself on one line, in at most `NAME_CHARS` characters; empty if nothing of it shows.

    Characters without a glyph are left out. A name that a page would take for its person or for itself, such as
    "You", is marked as an agent's.
    """
    shown = " ".join("".join(char for char in text if char == visible(char)).split())[:NAME_CHARS].rstrip()
    if not has_glyph(shown):
        return ""
    return f"“{shown}” (agent)" if _is_reserved(shown) else shown


def _is_reserved(name: str) -> bool:
    plain = _NO_LETTERS.sub("", normalize("NFKD", name.casefold()).casefold())
    return plain in _RESERVED or plain.translate(_LOOKALIKES) in _RESERVED
