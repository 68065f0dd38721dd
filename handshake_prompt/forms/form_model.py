"""A form made from a model: its fields for pages and agents, its verdict on their values, the typed value in the end.

Pure but for the model: `problems` and `parse` run the host's own code and belong outside of every lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .cell_check import CellCheck
from .documents import Cells, RowIds, Values, flat, nested
from .form_options import beginning, changed, initial, keys_of, marked, members_of, ordered
from .implied import completed
from .json_schema import WRAPPED
from .models import Finding, Model, model_of
from .problems import FieldErrors, Path, Place, Problem, bounded, place_of, told
from .rules import compile_rules
from .shape import Entry, Group, Rows, lists_of, shape_of, without_rows
from .status import Status, status_of

Validator = Callable[[Any], Any]
"""The host's own rules: given a document, they answer a list of problems, texts by key, or nothing."""


class FormModel:
    """A form by its name.

    Args:
        name: pages open it by this.
        source: see `models.model_of`.
        validator: rules beside the source's own: `validator(document)` answers nothing, texts by key, or a list of
            texts and of objects with `keys` and `msg`; or it raises `FieldErrors`. A key is that of a field, or a
            path in the document.
        sensitive: keys of fields with values that no agent sees.
        person: keys of fields that the person alone may fill.
        read_only: keys of fields that nobody writes.
        labels: texts by key.
        groups: keys by the heading they stand under.
        order: keys that come first.
        defaults: values by key that a session begins with, in the place of the source's own.

    Keys of fields in rows are written without a row: `lines/iban`. A rule for a group holds for all fields in it.

    Raises:
        ImportError, TypeError, ValueError: the source is none, see `models.model_of`; or an option names no field.
        InvalidSchemaError: fields by hand that cannot be honoured.
    """

    def __init__(
        self,
        name: str,
        source: Any,
        *,
        validator: Validator | None = None,
        sensitive: Iterable[str] = (),
        person: Iterable[str] = (),
        read_only: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
        groups: Mapping[str, Iterable[str]] | None = None,
        order: Sequence[str] = (),
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self._model: Model = model_of(source)
        self._validator = validator
        made = self._model.conversion
        members = members_of(
            sensitive=sensitive, person=person, read_only=read_only, labels=labels or {}, groups=groups or {}
        )
        self._refuse_unknown({*keys_of(made.fields)}, [*members, *order])
        self.fields: list[Entry] = completed(ordered(changed(made.fields, members), order))
        """The schema, as it is on the wire."""
        self.shape: Group = shape_of(self.fields, made.rules, is_escaped=made.is_escaped)
        self.lists: Mapping[str, Rows] = dict(lists_of(self.shape))
        """The lists of rows, those within rows too, by key without the ids of rows."""
        self._refuse_unknown({node.key for node in self.shape.leaves()}, defaults or {})
        self.lookups: Mapping[str, list[Any]] = made.lookups
        """Options too many to send, by key without row ids."""
        self.initial: Mapping[str, Any] = initial(self.shape, defaults or {})
        """Values at the beginning of a session by key, open to the agent; a list of rows is one value."""
        self.defaults: Cells = beginning(self.shape, self.initial)
        """The same as cells."""
        self._rules = compile_rules(self.fields)
        self._sensitive = frozenset(marked(self.fields, "sensitive"))
        self._read_only = frozenset(marked(self.fields, "readOnly"))
        self._cells = None if self._model.has_rules else CellCheck(self.fields, self.shape)

    def __repr__(self) -> str:
        return f"<FormModel {self.name!r} of {len(self.fields)} fields>"

    @property
    def _is_wrapped(self) -> bool:
        return self._model.conversion.is_wrapped

    def status(self, values: Values, rows: RowIds, *, unanswered: frozenset[str] = frozenset()) -> Status:
        """Return the hidden and the missing cells; see `status.status_of`."""
        return status_of(self._rules, values, rows, unanswered=unanswered)

    def document(self, values: Values, rows: RowIds) -> Any:
        """Return the form's values as a document, without hidden ones."""
        hidden = self.status(values, rows).hidden
        document = nested(self.shape, values, rows, hidden=hidden)
        return document.get(WRAPPED) if self._is_wrapped else document

    def cells(self, document: Any, *, mint: Callable[[], str] | None = None) -> Cells:
        """Return the cells of a document; see `documents.flat`."""
        return flat(self.shape, {WRAPPED: document} if self._is_wrapped else document, mint=mint)

    def problems(self, values: Values, rows: RowIds, *, answer: object = None) -> list[Problem]:
        """Return the faults of a form that may still be under way; a missing value is none yet.

        Args:
            values: plain values by key.
            rows: the ids of rows in their order, by the key of their list.
            answer: the answer of further rules of the host's on the document, as a validator gives it.
        """
        status = self.status(values, rows)
        found = self._found(values, rows, status, answer)[1]
        missing = {*status.missing, *status.missing_person}
        not_yet = status.hidden if missing else ()
        return bounded(
            found,
            sensitive=self._among(self._sensitive, found),
            hidden=self._hidden(values) if found else (),
            missing=missing,
            closed=self._among(self._read_only, found).union(not_yet),
        )

    def parse(self, values: Values, rows: RowIds, *, answer: object = None) -> Any:
        """Return the typed value of a complete form; for the arguments see `problems`.

        Raises:
            FieldErrors: its faults, by key.
        """
        value, found = self._found(values, rows, self.status(values, rows), answer)
        if not found:
            return value
        # A document may lack what nobody can give it; a typed value may not.
        closed = self._among(self._read_only, found) if value is not None else ()
        sensitive = self._among(self._sensitive, found)
        faults = bounded(found, sensitive=sensitive, hidden=self._hidden(values), closed=closed)
        if faults:
            raise FieldErrors(faults)
        return value

    @property
    def is_native(self) -> bool:
        """Whether `problems` runs no code of the host's, for a time that the values' size bounds."""
        return self._validator is None and self._model.is_native and (self._cells is None or self._cells.is_quick)

    def _found(self, values: Values, rows: RowIds, status: Status, answer: object) -> tuple[Any, list[Problem]]:
        document = nested(self.shape, values, rows, hidden=status.hidden)
        whole = document.get(WRAPPED) if self._is_wrapped else document
        value, findings = self._model.judge(whole)
        found = [self._problem(finding, document, rows) for finding in findings]
        found += self._cells.problems(values, rows, status) if self._cells else ()
        for one in (answer, self._answer(whole)):
            found += told(one, lambda path: self._place(path, document, rows).key)
        return value, found

    def _answer(self, document: Any) -> object:
        try:
            return None if self._validator is None else self._validator(document)
        except FieldErrors as errors:
            return errors.problems

    def _problem(self, finding: Finding, document: Any, rows: RowIds) -> Problem:
        key, within = self._place(finding.path, document, rows)
        where = f"{'/'.join(map(str, within))}: " if within else ""
        return Problem((key,) if key else (), where + finding.msg, finding.is_lack and not within)

    def _place(self, path: Path, document: Any, rows: RowIds) -> Place:
        return place_of((WRAPPED, *path) if self._is_wrapped else path, document, self.shape, rows)

    def _among(self, keys: frozenset[str], found: Sequence[Problem]) -> set[str]:
        """Return the keys of some problems that are, without the ids of rows, among others."""
        return {key for problem in found for key in problem.keys if without_rows(key, self.lists) in keys}

    def _hidden(self, values: Values) -> list[Any]:
        if not self._sensitive:
            return []
        return [value for key, value in values.items() if without_rows(key, self.lists) in self._sensitive]

    def _refuse_unknown(self, known: set[str], keys: Iterable[str]) -> None:
        unknown = [key for key in keys if key not in known]
        if unknown:
            raise ValueError(f"the form {self.name} has no {', '.join(unknown)}: it has {', '.join(sorted(known))}")
