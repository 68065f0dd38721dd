"""Values that a form has from the start: the person's, and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handshake_prompt.forms.form import Form
from handshake_prompt.forms.shape import Group, Rows
from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.session import Session, rows
from handshake_prompt.session.authors import By
from handshake_prompt.session.field_value import is_empty
from handshake_prompt.session.row_keys import inner_prefix

from .form_checks import RefusedError
from .row_members import Fields, members


def give(form: Form, session: Session, values: Mapping[str, Any], *, by: By) -> None:
    """Put the values that a form has from the start: of fields, of groups as objects, of rows as lists of objects.

    A list of rows takes the place of the one that is there, unless it is empty. Members of a row that no field is for
    are left out.

    Raises:
        InvalidRequestError: the value of a list of rows is no list of objects (`invalid_value`).
    """
    try:
        _Giving(session, by).take(form.shape, values, "", form.leaves)
    except RefusedError as error:
        raise InvalidRequestError(error.msg, code=error.code) from None


class _Giving:
    def __init__(self, session: Session, by: By) -> None:
        self._session = session
        self._by = by

    def take(self, group: Group, values: Any, prefix: str, fields: Fields) -> None:
        for key, node, value in members(group, values, fields):
            if isinstance(node, Rows):
                self._list(node, prefix + key, value)
            elif (node is not None or not prefix) and not (is_empty(value) and prefix + key in self._session.values):
                self._session.give(prefix + key, value, by=self._by)

    def _list(self, listed: Rows, list_key: str, items: Any) -> None:
        if is_empty(items):
            return
        if not isinstance(items, list):
            raise RefusedError("invalid_value", f"{list_key} has to be a list of objects, one for each row")
        rows.drop_content(self._session, list_key)
        for item in items:
            row_key = rows.put_initial(self._session, list_key, by=self._by)
            self.take(listed.item, item, inner_prefix(row_key), listed.fields)
