"""Fields of an agent's question, and the judgement of the person's answer. SPEC.md section 5.

A question is a small form: flat fields, none of them for a secret, with conditions on one another alone. What is not
shown is asked of nobody, and is no part of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handshake_prompt.protocol.errors import InvalidRequestError, InvalidSchemaError, TooLargeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import CreationWarning
from handshake_prompt.texts.quoting import quote

from .budget import Budget
from .fields import Field
from .implied import is_for_a_secret
from .mistakes import form_warnings
from .patterns import MATCH_STEPS
from .rules import compile_rules, unknown_names
from .schema import compile_schema
from .status import Evaluation


class Question:
    """The compiled fields of a question.

    Args:
        entries: the untrusted fields of a question, or those of one that was asked.
        limits: bounds them as a schema's.

    Raises:
        InvalidSchemaError: one is no flat field, is for a secret, or has a condition on anything else.
    """

    def __init__(self, entries: Sequence[Any], limits: Limits) -> None:
        self._fields = compile_schema([*entries], limits)
        self._entries = entries
        for entry in entries:
            _check_entry(entry, self._fields[entry["key"]])
        self._rules = compile_rules(entries)
        for key, name in (*unknown_names(self._rules), *self._unknown_in_options()):
            raise InvalidSchemaError(
                f"{quote(key)}: a condition names {quote(name)}, and the question has no such field"
            )

    def __contains__(self, key: object) -> bool:
        return key in self._fields

    def warnings(self) -> list[CreationWarning]:
        """Return the demands that nothing comes of, such as a pattern that RE2 does not take, and likely mistakes."""
        return form_warnings(self._entries, self._fields.values(), self._rules)

    def answered(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of an acceptance's values that is the answer: those of the fields on show.

        Raises:
            InvalidRequestError: one is of no field (`unknown_field`), does not fit (`invalid_value`), or is missing
                (`missing_answer`).
            TooLargeError: checking them takes too long (`checks_too_costly`, `patterns_too_costly`).
        """
        for key in values:
            if key not in self._fields:
                raise InvalidRequestError(f"The request has no field {quote(key)}", code="unknown_field")
        budget = Budget()
        evaluation = Evaluation(self._rules, values, {}, budget=budget)
        status = evaluation.status()
        shown = {key: value for key, value in values.items() if key not in status.hidden}
        self._check_cost(shown)
        for key, value in shown.items():
            if (fault := self._fault(evaluation, key, value, budget)) is not None:
                raise InvalidRequestError(f"{quote(key)}: {fault}", code="invalid_value")
        for key in (*status.missing, *status.missing_person):
            raise InvalidRequestError(f"An acceptance brings a value for {quote(key)}", code="missing_answer")
        return shown

    def _fault(self, evaluation: Evaluation, key: str, value: Any, budget: Budget) -> str | None:
        field = self._fields[key]
        if (fault := field.check(value, budget)) is not None:
            return fault
        names = evaluation.names_at(key) if field.choices.conditions else None
        absent = field.choices.absent(value, names) if names is not None else None
        return None if absent is None else f"the option {quote(absent)} is not there with these answers"

    def _check_cost(self, values: Mapping[str, Any]) -> None:
        costs = (self._fields[key].cost(value) for key, value in values.items())
        if sum(cost for cost in costs if cost <= MATCH_STEPS) > MATCH_STEPS:
            raise TooLargeError("Matching the answer with its patterns could take too long", code="patterns_too_costly")

    def _unknown_in_options(self) -> Iterator[tuple[str, str]]:
        known = self._rules.by_key.keys() | self._rules.groups.keys()
        for field in self._fields.values():
            for condition in field.choices.conditions.values():
                yield from ((field.key, name) for name in sorted(condition.names - known))


def _check_entry(entry: Mapping[str, Any], field: Field) -> None:
    """Refuse a field that is not flat, or not for a question.

    Raises:
        InvalidSchemaError: it is of rows, read-only, for a secret or a file, or nobody can tell what for.
    """
    if field.is_rows or field.sensitive or field.read_only or is_for_a_secret(entry):
        raise InvalidSchemaError(
            f"the field {quote(field.key)} cannot be asked for: it is of rows, read-only, for a secret or a file",
            next_steps=["Ask for a secret with key: the name of a sensitive field of the form."],
        )
    if not isinstance(entry.get("autocomplete"), str | None):
        raise InvalidSchemaError(
            f"the field {quote(field.key)}: autocomplete is a text, its tokens with spaces between"
        )
