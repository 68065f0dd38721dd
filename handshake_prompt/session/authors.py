"""Authors of values, and the state table of the right to write, by author and owner. SPEC.md section 5."""

from __future__ import annotations

from enum import StrEnum

from handshake_prompt.protocol.credentials import Role


class By(StrEnum):
    """Author of the value that a field holds."""

    EMPTY = "empty"
    DEFAULT = "default"
    USER = "user"
    USER_EDIT = "user_edit"
    AI = "ai"


OWNERSHIP: dict[Role, dict[str, By | None]] = {
    Role.AGENT: {By.EMPTY: By.AI, By.DEFAULT: By.AI, By.AI: By.AI, By.USER: None, By.USER_EDIT: None},
    Role.USER: {
        By.EMPTY: By.USER,
        By.DEFAULT: By.USER,
        By.AI: By.USER_EDIT,
        By.USER: By.USER,
        By.USER_EDIT: By.USER_EDIT,
    },
}
"""writer -> author of the value now -> its author afterwards; None refuses."""

RELEASED: dict[str, By] = {By.USER: By.DEFAULT, By.USER_EDIT: By.DEFAULT}
"""author of a field -> its author once the person releases it; any other stays as it is."""
