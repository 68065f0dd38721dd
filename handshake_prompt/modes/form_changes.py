"""Changes of a form under way by its page: its schema, and the places of problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handshake_prompt.forms.cache import FormCache
from handshake_prompt.forms.form import Form
from handshake_prompt.forms.schema_change import changed_schema, in_words_of_the_change
from handshake_prompt.protocol.errors import InvalidSchemaError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session
from handshake_prompt.session.page_problems import report_problem
from handshake_prompt.session.schema_changes import change_schema

from .form_checks import is_there
from .open_requests import end_lost_requests


def change_form(
    forms: FormCache, session: Session, entries: Sequence[Any], removed: Sequence[str], *, limits: Limits
) -> Outcome:
    """Set and remove entries of a session's schema; end requests and take back problems that have lost their places.

    Raises:
        InvalidSchemaError: the schema that comes of it cannot be honoured; nothing is changed.
    """
    changed = changed_schema(session.schema, entries, removed)
    try:
        form = forms.of(changed)
    except InvalidSchemaError as error:
        raise InvalidSchemaError(in_words_of_the_change(error, changed, entries)) from None
    outcome = change_schema(session, FormOfSession(form, session, limits), entries, removed)
    for key in [key for key in session.page_problems if key and not has_place(form, session, key)]:
        report_problem(session, key, None)
    end_lost_requests(form, session)
    return outcome


def has_place(form: Form, session: Session, key: str) -> bool:
    """Whether a form has a field, a row, a list of rows or a group of a key."""
    if not form.fields or key in session.row_authors:
        return True
    if form.field_of(key) is not None:
        return is_there(form, session, key)
    return any(field.startswith(f"{key}/") for field in form.fields)


class FormOfSession:
    """A form asked about keys while its session is changed: a form to come, or the present one for a revert."""

    def __init__(self, form: Form, session: Session, limits: Limits) -> None:
        self.schema_json = form.schema_json
        self.sensitive = form.sensitive
        self._form = form
        self._session = session
        self._limits = limits

    def has_list(self, key: str) -> bool:
        return self._form.rows_of(key) is not None

    def has_value(self, key: str) -> bool:
        field = self._form.field_of(key)
        return not self._form.fields if field is None else not field.is_rows

    def is_there(self, key: str) -> bool:
        return is_there(self._form, self._session, key)

    def rows_left(self, list_key: str) -> int:
        listed = self._form.rows_of(list_key)
        if listed is None or not self.is_there(list_key):
            return 0
        in_all = self._limits.row_cells // max(1, self._form.row_fields) - len(self._session.row_authors)
        most = listed.entry.get("maxRows")
        return in_all if most is None else min(in_all, most - len(self._session.rows.get(list_key, ())))
