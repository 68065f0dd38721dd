"""Problems of a form as a whole: a text about some of its cells."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from handshake_prompt.session.page_problems import CHARS, HIDDEN, encodable_text, quotes_any, short_line

from .documents import RowIds
from .keys import escaped, joined, names
from .shape import Group, Leaf

PROBLEMS = 50
"""Of one form, and keys of one problem: an agent reads them with every reply."""
ANSWERS = 1000
"""Of a host's own rules: a generator may never end."""
Path = Sequence[str | int]
"""The place of a value in a document: names of members and indexes of lists."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of a form.

    Args:
        keys: of fields (`lines/r3/amount`), rows (`lines/r3`), lists of rows or groups; none for the form as a whole.
        msg: for people and agents.
        is_lack: whether it says no more than that the fields are empty.
    """

    keys: tuple[str, ...]
    msg: str
    is_lack: bool = False

    def data(self) -> dict[str, Any]:
        """Return the problem as it is on the wire."""
        return {"keys": list(self.keys), "msg": self.msg}


class FieldErrors(Exception):  # noqa: N818 - it holds several
    """Faults of a form, which page and agent are told as `problems`: `raise FieldErrors({"nights": "Too long"})`.

    Args:
        problems: a text, or a list of them, by key; a key is that of a field, a row, a list or a group, "" the form's.

    Raises:
        AnswerError: these are no problems.
    """

    def __init__(self, problems: Iterable[Problem] | Mapping[str, str | Sequence[str]]) -> None:
        self.problems = tuple(told(problems, _key_of))
        super().__init__("; ".join(f"{', '.join(one.keys) or 'form'}: {one.msg}" for one in self.problems))


class AnswerError(TypeError):
    """An answer of a host's own rules that is none. Its text tells the kind of the fault and quotes no value."""


def bounded(
    problems: Iterable[Problem],
    *,
    sensitive: Container[str],
    hidden: Sequence[Any] = (),
    missing: Collection[str] = (),
    closed: Container[str] = (),
) -> list[Problem]:
    """Return the problems that are worth telling, each once.

    Args:
        problems: as a validator has them.
        sensitive: keys of values that must not be quoted.
        hidden: those values: a text about something else may quote one, too.
        missing: keys listed as empty; a problem that says no more of them, of a group around them, or of no field at
            all, is left out.
        closed: keys that nobody can fill as the form stands; that they are empty is left out.
    """
    told: dict[tuple[tuple[str, ...], str], Problem] = {}
    around = {group for key in missing for group in _groups_of(key)}
    for problem in problems:
        lacks = (closed, around) if problem.is_lack else ()
        is_listed = all(key in missing or any(key in keys for keys in lacks) for key in problem.keys)
        if is_listed and (problem.keys or (problem.is_lack and missing)):
            continue
        is_hidden = any(key in sensitive for key in problem.keys) or quotes_any(problem.msg, hidden)
        msg = HIDDEN if is_hidden else short_line(problem.msg)
        told.setdefault((problem.keys, msg), Problem(problem.keys, msg, problem.is_lack))
        if len(told) == PROBLEMS:
            break
    return list(told.values())


def _groups_of(key: str) -> Iterator[str]:
    """Yield the beginnings of a key up to each slash."""
    segments = key.split("/")
    return ("/".join(segments[:depth]) for depth in range(1, len(segments)))


class Place(NamedTuple):
    """The key of a field, row, list or group (`""` is the form), and the path from there within the field's value."""

    key: str
    within: tuple[str | int, ...] = ()


def place_of(path: Path, document: Any, shape: Group, rows: RowIds) -> Place:
    """Return the place that a path leads to, or comes nearest to.

    Steps that lead nowhere are passed over: some validators put the name of an alternative among them.

    Args:
        path: in the document.
        document: as it was validated.
        shape: the form's.
        rows: the ids of its rows.
    """
    group, key, prefix = shape, "", ""
    steps = iter(path)
    for step in steps:
        is_there = isinstance(document, dict) and step in document
        node = group.members.get(step) if isinstance(step, str) else None
        if node is None:
            if is_there and group.rest is not None:
                return Place(prefix + group.rest.key, (step, *steps))
            continue
        document = document[step] if is_there else None
        key = prefix + node.key
        if isinstance(node, Leaf):
            return Place(key, tuple(steps))
        if isinstance(node, Group):
            group = node
            continue
        index = next((step for step in steps if isinstance(step, int)), None)
        ids = rows.get(key, ())
        if index is None or not 0 <= index < len(ids):
            return Place(key)
        document = document[index] if isinstance(document, list) and index < len(document) else None
        key = joined(key, ids[index])
        group, prefix = node.item, f"{key}/"
    return Place(key)


def told(answer: object, key_at: Callable[[Path], str]) -> list[Problem]:
    """Return the problems that a host's own rules answer.

    Args:
        answer: nothing, texts by key, or a list of texts, problems, and objects with `keys` and `msg`.
        key_at: gives the key of a path in the document.

    Raises:
        AnswerError: it is something else.
    """
    if answer is None:
        return []
    if isinstance(answer, Mapping):
        pairs = [
            (key, text)
            for key, texts in islice(answer.items(), ANSWERS)
            for text in (islice(texts, ANSWERS) if isinstance(texts, Iterable) and not is_text(texts) else [texts])
        ]
        return [Problem(_keys([key], key_at), _text(text)) for key, text in pairs]
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        raise AnswerError(f"a validator answers a list of problems or texts by key, not {type(answer).__name__}")
    return [_problem(one, key_at) for one in islice(answer, ANSWERS)]


def _problem(one: object, key_at: Callable[[Path], str]) -> Problem:
    if isinstance(one, Problem):
        return one
    if isinstance(one, str):
        return Problem((), one)
    if not isinstance(one, Mapping):
        raise AnswerError(f"a problem is a text or an object with keys and msg, not {type(one).__name__}")
    return Problem(_keys(one.get("keys", ()), key_at), _text(one.get("msg")))


def _text(text: object) -> str:
    if not is_text(text):
        raise AnswerError(f"the msg of a problem is text, not {type(text).__name__}")
    return str(text)


def is_text(text: object) -> bool:
    """Whether it is a text, or stands for one: a lazily translated text is no `str`, and has all of its methods."""
    return hasattr(text, "casefold")


def _key_of(path: Path) -> str:
    return "/".join(escaped(str(step)) for step in path)


def _keys(keys: Iterable[object], key_at: Callable[[Path], str]) -> tuple[str, ...]:
    """Return keys; a path, or a key with the number of a row in the place of its id, is looked up."""
    found = []
    for key in islice(keys, PROBLEMS):
        if isinstance(key, str):
            steps: Path = [int(segment) if segment.isdecimal() else segment for segment in names(key)]
            found.append(key_at(steps) if any(isinstance(step, int) for step in steps) else key)
        elif isinstance(key, Sequence):
            found.append(key_at(key))
        else:
            raise AnswerError(f"a key is text or a path, not {type(key).__name__}")
    return tuple(encodable_text(key)[:CHARS] for key in found if key)
