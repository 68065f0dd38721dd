"""Fields of a form with a lookup for their options."""

from __future__ import annotations

from handshake_prompt.forms.form import Form
from handshake_prompt.forms.shape import entry_key
from handshake_prompt.protocol.errors import InvalidRequestError


def lookup_key(form: Form, key: str) -> str:
    """Return the key without row ids of a field with `lookup: true`.

    Raises:
        InvalidRequestError: the form has no such field (`unknown_field`), or its options are in the schema
            (`no_lookup`).
    """
    path = entry_key(key, form.lists)
    if path is None or path not in form.fields:
        raise InvalidRequestError("The form has no such field", code="unknown_field")
    if not _is_looked_up(form, path):
        raise InvalidRequestError("This field has no lookup: what it takes is in the schema", code="no_lookup")
    return path


def _is_looked_up(form: Form, path: str) -> bool:
    lists = [listed for listed in form.lists if path.startswith(f"{listed}/")]
    inner = max(lists, key=len, default=None)
    group = form.shape if inner is None else form.lists[inner].item
    within = path if inner is None else path[len(inner) + 1 :]
    return any(leaf.key == within and leaf.entry.get("lookup") is True for leaf in group.leaves())
