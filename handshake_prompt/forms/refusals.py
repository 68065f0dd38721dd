"""Refusals by a host's own validation, as problems: in the shapes of Pydantic, FastAPI, Django, or as texts by name.

Told by their shape, so none of these has to be installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from .keys import escaped, joined
from .models.base import Finding
from .models.pydantic_type import message_of
from .problems import ANSWERS, AnswerError, FieldErrors, Path, Problem, is_text

WHOLE = frozenset({"", "__all__", "__root__", "_schema", "non_field_errors"})
"""Names that stand for the form as a whole."""
_STEPS = re.compile(r"[^\[\]]+")
_ROW = re.compile(r"\d{1,9}")
STEPS = 32
"""Of a path: deeper ones stand in no form, and each step is looked up."""


class Refusal:
    """Faults that a host has found in a posted form.

    Args:
        errors: a `FieldErrors`; a `ValidationError` of Pydantic, FastAPI, Django or marshmallow, or its list of errors;
            a Django form, or its `errors`; texts, or lists of them, by name, one in the other where names are.

    Raises:
        TypeError: it is none of these.
    """

    def __init__(self, errors: object) -> None:
        self._problems: Sequence[Problem] = errors.problems if isinstance(errors, FieldErrors) else ()
        self._findings = [] if self._problems else [*islice(_findings(errors), ANSWERS)]

    def problems(self, key_of: Callable[[Path], tuple[str, Path]]) -> list[Problem]:
        """Return the problems of a form; `key_of` gives the key that a path leads to, and the rest of the path."""
        return [*self._problems, *(_problem(finding, *key_of(finding.path)) for finding in self._findings)]


def place_in(path: Path, is_place: Callable[[str], bool], rows: Mapping[str, Sequence[str]]) -> tuple[str, Path]:
    """Return the key that a path leads to in a form, "" for none, and the steps that lead nowhere.

    Such steps are passed over: some validators put that of an argument, or of an alternative, among them.

    Args:
        path: names of members and numbers of rows.
        is_place: whether the form has a field, a row, a list or a group of a key.
        rows: the ids of its rows in their order, by the key of their list.
    """
    key, strayed = "", []
    for step in path[:STEPS]:
        ids = rows.get(key, ())
        if isinstance(step, int):
            found = [joined(key, ids[step])] if 0 <= step < len(ids) else []
        else:
            found = [one for one in (joined(key, escaped(step)), joined(key, step)) if is_place(one)]
        if found:
            key = found[0]
        else:
            strayed.append(step)
    return key, strayed


def _problem(finding: Finding, key: str, strayed: Path) -> Problem:
    """Return a problem; a name that is no key of the form is told in its text."""
    if key:
        return Problem((key,), finding.msg)
    where = ".".join(map(str, strayed))
    return Problem((), f"{where}: {finding.msg}" if where else finding.msg)


def _findings(errors: Any) -> Iterator[Finding]:
    if errors is None:
        return iter(())
    told = getattr(errors, "errors", None)
    if callable(told):  # of Pydantic; of FastAPI, where a path begins with the part of the request
        begin = 1 if hasattr(errors, "body") else 0
        return (Finding((*detail["loc"],)[begin:], message_of(detail)) for detail in told())
    for name in ("errors", "message_dict", "messages"):  # of a Django form; of Django's errors, and marshmallow's
        if not isinstance(errors, Mapping) and hasattr(errors, name):
            return _nested(getattr(errors, name), ())
    return _nested(errors, ())


def _nested(errors: Any, path: tuple[str | int, ...]) -> Iterator[Finding]:
    if is_text(errors):
        yield Finding(path, str(errors))
    elif isinstance(errors, Mapping) and {"loc", "msg"} <= errors.keys():
        yield Finding((*path, *errors["loc"]), message_of(errors))
    elif isinstance(errors, Mapping):
        for name, inner in errors.items():
            yield from _nested(inner, path if name in WHOLE else (*path, *_steps(name)))
    elif isinstance(errors, Iterable):
        for inner in errors:
            yield from _nested(inner, path)
    else:
        raise AnswerError(f"errors are texts by name, or a form's or a validator's own, not {type(errors).__name__}")


def _steps(name: object) -> Iterator[str | int]:
    """Yield the steps of a control's name, such as `home[street]`."""
    if isinstance(name, int):
        yield name
    else:
        yield from (int(step) if _ROW.fullmatch(step) else step for step in _STEPS.findall(str(name)))
