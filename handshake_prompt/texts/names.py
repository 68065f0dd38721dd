"""Names that agents claim for themselves, made fit to be shown beside the person's own doings. SPEC.md section 4."""

from __future__ import annotations

import re
from unicodedata import normalize

from .quoting import has_glyph, visible

NAME_CHARS = 64
READ_CHARS = 1024
"""Of a header, which may have 64 KiB; what is behind can only be seen where nearly all before it cannot."""

_RESERVED = re.compile(
    r"(?:an?|the|this|that|your|our)?"
    r"(?:you(?:rs?|rself|rselves)?|me|i|my|myself|person|user|human|owner|customer|visitor"
    r"|admin|administrator|operator|system|server|page|site|website|form)"
    r"|(?:[你您妳我的本]|自己|本人|用[户戶]|使用者|管理[员員]|系[统統]|服[务務]器|伺服器|[页頁]面|[网網]站)+"
)
"""Words by which a page speaks of its person or of itself, without spaces; those of English with an article."""
_LOOKALIKES = str.maketrans("аеіорсухѕмһԝүʏ¥ոսօοᴏαιᴜυγ0", "aeiopcyxsmhwyyynuoooaiuuyo")
"""Letters of other scripts, a currency and a digit that pass for those of the words above."""
_CAPITAL_LOOKALIKES = str.maketrans("Υ", "y")
"""Letters that pass for one as a capital, and for another one else."""
_NO_LETTERS = re.compile(r"[\W_]+")


def claimed_name(text: str) -> str:
    """Return an agent's name for itself on one line, in at most `NAME_CHARS` characters; empty if nothing of it shows.

    Characters without a glyph are left out. A name that a page would take for its person or for itself, such as
    "You", is marked as an agent's.
    """
    shown = " ".join("".join(char for char in text[:READ_CHARS] if char == visible(char)).split())[:NAME_CHARS].rstrip()
    if not has_glyph(shown):
        return ""
    return f"“{shown}” (agent)" if _is_reserved(shown) else shown


def _is_reserved(name: str) -> bool:
    plain = normalize("NFKD", name.translate(_CAPITAL_LOOKALIKES).casefold()).casefold()
    return any(_RESERVED.fullmatch(_NO_LETTERS.sub("", form)) for form in (plain, plain.translate(_LOOKALIKES)))
