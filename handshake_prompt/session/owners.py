"""Owners of sessions: JSON values, equal to every value that is kept in the same form.

A host knows its users by ids of its own types. An owner set to `uuid.UUID(...)` is kept as text, and the owner that a
hook is shown later is still equal to that UUID: both are compared in the form in which they are kept.
"""

from __future__ import annotations

from typing import Any

import msgspec


def kept_owner(owner: object) -> Any:
    """Return an owner in the form in which it is kept: UUIDs and times as text, tuples as lists.

    Raises:
        TypeError: JSON cannot express it, such as a user's object.
    """
    try:
        return msgspec.json.decode(_encode(owner))
    except (TypeError, ValueError, RecursionError):
        raise TypeError(
            f"An owner is a text, a number, or lists and objects of these, not a {type(owner).__name__}: "
            "use an id, such as session.owner = str(user.id)"
        ) from None


def login_owner(owner: object) -> Any:
    """Return the kept form of an owner as a login tells it; None for nobody.

    Nobody is also an empty text, or a list or an object of nothing but these: `None == None` is no identity.

    Raises:
        TypeError: JSON cannot express it, or it is a truth value: all that are logged in would be one owner.
    """
    if isinstance(owner, bool):
        raise TypeError("An owner is an id, not whether somebody is logged in: return user.id, or None for nobody")
    kept = kept_owner(owner)
    return None if _is_nobody(kept) else kept


def comparable_owner(owner: Any) -> Any:
    """Return a kept owner that is equal to all values that are kept alike."""
    kind = _COMPARABLE.get(type(owner))
    return owner if kind is None else kind(owner)


def _is_nobody(kept: Any) -> bool:
    if isinstance(kept, list | dict):
        return all(map(_is_nobody, kept.values() if isinstance(kept, dict) else kept))
    return kept is None or kept == ""


class _ComparedAsKept:  # noqa: PLW1641 - texts and numbers have a hash, lists and objects have none
    """Compares the other side in its kept form where it is not equal as it is."""

    def __eq__(self, other: object) -> bool:
        plain = _builtin_value(self)
        if plain == other:
            return True
        try:
            return bool(plain == kept_owner(other))
        except TypeError:
            return False

    def __ne__(self, other: object) -> bool:
        return not self == other


class _TextOwner(_ComparedAsKept, str):
    __slots__ = ()
    __hash__ = str.__hash__


class _NumberOwner(_ComparedAsKept, int):
    __slots__ = ()
    __hash__ = int.__hash__


class _ListOwner(_ComparedAsKept, list[Any]):
    __slots__ = ()


class _ObjectOwner(_ComparedAsKept, dict[str, Any]):
    __slots__ = ()


_COMPARABLE: dict[type, type] = {str: _TextOwner, int: _NumberOwner, list: _ListOwner, dict: _ObjectOwner}
_PLAIN: tuple[type, ...] = (str, int, float, list, dict)


def _builtin_value(value: object) -> Any:
    """Return the built-in value that a value of a derived type stands for.

    Raises:
        TypeError: it stands for none.
    """
    for kind in _PLAIN:
        if isinstance(value, kind):
            return kind(value)
    raise TypeError


_encode = msgspec.json.Encoder(enc_hook=_builtin_value).encode
