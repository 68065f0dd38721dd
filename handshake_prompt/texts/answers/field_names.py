"""Names of a form's fields as an agent's answer may write them. SPEC.md section 11.

A field is known by its key, and by its label if no other field has that. Chats put marks around names, models write
them in another case or with other separators. So a name is looked for as it stands, then without all that, and counts
if one field alone can be meant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from unicodedata import normalize

from .pasted_text import TextFaultError

MARKS = "*_`\"'“”„‟«»‘’ \t\xa0\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
"""Around a name."""
NAME_CHARS = 300
"""More than a key may have."""

_SEPARATORS = re.compile(r"[\s_-]+")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_WITH_KEY = re.compile(r"(.+?)\s*[(（]([^()（）]+)[)）]")


class FieldNames:
    """The names of fields.

    Args:
        keys: of the fields.
        labels: label -> the key of the one field that has it.
        lists: the names of the columns of each list of rows.
    """

    def __init__(
        self, keys: Iterable[str] = (), labels: Mapping[str, str] | None = None, lists: Iterable[FieldNames] = ()
    ) -> None:
        self._keys = frozenset(keys)
        self._lists = tuple(lists)
        self._exact = {**(labels or {}), **{key: key for key in self._keys}}
        self._loose: dict[str, str | None] = {}
        for name, key in self._exact.items():
            folded = _fold_name(name)
            self._loose[folded] = key if self._loose.get(folded, key) == key else None

    def key_of(self, name: str) -> str | None:
        """Return the key of the field that a name stands for; None if that is none, or could be several."""
        if name in self._exact:
            return self._exact[name]
        if len(name) > NAME_CHARS:
            return None
        bare = _ESCAPE.sub(r"\1", name).replace("\xa0", " ").strip(MARKS)
        found = self._exact.get(bare) or self._loose.get(_fold_name(bare)) or self._exact.get(bare.replace(".", "/"))
        return found or self._of_both(bare)

    def key_or_name(self, name: str) -> str:
        """Return the key of the field that a name stands for, or the name as it is."""
        return self.key_of(name) or name

    def has_group(self, name: str) -> bool:
        """Whether keys begin with a name and a slash."""
        return any(key.startswith(f"{name}/") for key in self._keys)

    def check_are_one(self, names: Iterable[str], place: int) -> None:
        """Accept names of which all that are a field's are the same one's.

        Raises:
            TextFaultError: at this place they name several fields.
        """
        if len({self.key_of(name) for name in names} - {None}) > 1:
            raise TextFaultError("several fields are named here for one value", place)

    def are_columns(self, names: Collection[str]) -> bool:
        """Whether every name is that of a column of one list of rows."""
        return any(all(columns.key_of(name) is not None for name in names) for columns in self._lists) or any(
            columns.are_columns(names) for columns in self._lists
        )

    def _of_both(self, name: str) -> str | None:
        """Return the key in a name such as `Full name (name)`, unless the two name different fields."""
        both = _WITH_KEY.fullmatch(name)
        if both is None:
            return None
        label, key = self._exact.get(both[1].strip(MARKS)), both[2].strip(MARKS)
        return key if key in self._keys and label in (None, key) else None


def _fold_name(name: str) -> str:
    return _SEPARATORS.sub(" ", normalize("NFKC", name).casefold()).strip()
