"""List types of fields, by their names in a schema: for checks of values and for texts about them."""

from __future__ import annotations

SELECT_MULTIPLE = "select-multiple"
ARRAY = "array"
"""The beginning of the names of lists."""


def is_list(name: str, *, has_options: bool) -> bool:
    """Whether the values of a type are lists.

    Args:
        name: of the type.
        has_options: a checkbox with options is a group of them.
    """
    return name.startswith(ARRAY) or chooses_several(name, has_options=has_options)


def chooses_several(name: str, *, has_options: bool) -> bool:
    """Whether a value is a list of the field's options, by one of HTML's own names for such a control."""
    return name == SELECT_MULTIPLE or (name == "checkbox" and has_options)
