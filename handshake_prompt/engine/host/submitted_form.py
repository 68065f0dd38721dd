"""Submitted form, as the host's code is given it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T_co = TypeVar("T_co", covariant=True, default=Any)
else:  # no package is needed for a default that nobody reads
    from typing import TypeVar

    T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class SubmittedForm(Generic[T_co]):
    """The content of a submitted form, and the author of each value.

    `SubmittedForm[Claim]` is one of a form made from the model `Claim`.

    Args:
        id: the submission's own, to recognise it by if it has to be looked up: it is handed over once.
        session_id: the session's.
        form: the name of the form, "" if it has none.
        values: plain values by key; without those of fields out of sight.
        authors: `user`, `user_edit`, `ai`, `default` or `empty` by key.
        rows: the ids of rows in their order, by the key of their list.
        value: the typed value of the form's model; the values themselves where the form has no model.
        digest: of the state shown to the person.
        owner: the session's, as a hook set it.
        meta: the session's.
    """

    id: str
    session_id: str
    form: str
    values: Mapping[str, Any] = field(repr=False)
    authors: Mapping[str, str]
    rows: Mapping[str, Sequence[str]]
    value: T_co = field(repr=False)
    digest: str
    owner: Any = None
    meta: Mapping[str, Any] = field(default_factory=dict, repr=False)
