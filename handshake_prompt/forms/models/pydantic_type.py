"""Forms from Pydantic models, and from any type that Pydantic's `TypeAdapter` takes. Pydantic 2, never required."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from handshake_prompt.forms.json_schema import convert

from .base import Finding, Verdict
from .flags import is_flag, schema_of_flag

Path = tuple[str | int, ...]

_LACKS = frozenset(
    {
        "missing",
        "missing_argument",
        "missing_keyword_only_argument",
        "missing_positional_only_argument",
        "union_tag_not_found",
    }
)

_NOT_CALLED = frozenset({"cls", "metadata", "serialization"})
"""Members of a core schema whose functions do not take part in validation."""
_OWN = frozenset({"builtins", "pydantic", "pydantic_core"})


class PydanticType:
    """A type that Pydantic validates: documents as JSON, by alias, as its schema says."""

    has_rules = True

    def __init__(self, kind: Any) -> None:
        from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - there if its models are

        self._adapter = TypeAdapter(kind)
        self._error = ValidationError
        core = self._adapter.core_schema
        self.is_native = not _has_host_code(core)
        # Its schema has the plain name of a member with no alias but paths, which Pydantic reads only if asked to.
        self._naming: dict[str, Any] = {"by_alias": True, "by_name": True} if _has_path_alone(core) else {}
        schema = self._adapter.json_schema(mode="validation", schema_generator=_generator())
        self.conversion = convert(schema, moments="local")

    def judge(self, document: Any) -> Verdict:
        """Return the typed value, or Pydantic's errors."""
        try:
            return Verdict(self._adapter.validate_json(msgspec.json.encode(document), **self._naming))
        except self._error as error:
            details = error.errors(include_url=False, include_input=False)
            return Verdict(None, _of_nearest_branches([_finding(detail) for detail in details], document))


@cache
def _generator() -> Any:
    from pydantic.json_schema import GenerateJsonSchema  # noqa: PLC0415 - there if its models are

    class Generator(GenerateJsonSchema):
        def enum_schema(self, schema: Any) -> dict[str, Any]:
            kind = schema["cls"]
            return schema_of_flag(kind) if is_flag(kind) else super().enum_schema(schema)

    return Generator


def is_pydantic(model: Any) -> bool:
    """Whether a type is a model or a dataclass of Pydantic's, or an adapter's type with constraints of its kind."""
    return hasattr(model, "__pydantic_validator__") or hasattr(model, "__pydantic_core_schema__")


def _has_host_code(core: Any) -> bool:
    """Whether validating by a core schema calls functions that are neither Pydantic's nor Python's own."""
    for part in _parts(core):
        if isinstance(part, dict):
            if part.get("post_init") or part.get("custom_init"):
                return True
        elif callable(part) and getattr(part, "__module__", "").partition(".")[0] not in _OWN:
            return True
    return False


def _has_path_alone(core: Any) -> bool:
    """Whether a core schema has a member that is looked up by paths alone, as those of `AliasPath("a", "b")` are."""
    aliases = [part.get("validation_alias") for part in _parts(core) if isinstance(part, dict)]
    paths = [alias if isinstance(alias[0], list) else [alias] for alias in aliases if alias and isinstance(alias, list)]
    return any(all(len(path) > 1 for path in among) for among in paths)


def _parts(core: Any) -> Iterator[Any]:
    """Yield the parts of a core schema that take part in validation, itself included."""
    pending = [core]
    while pending:
        part = pending.pop()
        yield part
        if isinstance(part, dict):
            pending += [value for name, value in part.items() if name not in _NOT_CALLED]
        elif isinstance(part, list | tuple):
            pending += part


def _finding(detail: Any) -> Finding:
    path = tuple(detail["loc"])
    if detail["type"].startswith("union_tag_"):
        path = (*path, str(detail["ctx"]["discriminator"]).strip("'"))
    return Finding(path, message_of(detail), is_lack=detail["type"] in _LACKS)


def message_of(detail: Mapping[str, Any]) -> str:
    """Return the message of one of Pydantic's errors; of a validator of the host's its own words alone."""
    error = (detail.get("ctx") or {}).get("error")
    return str(error) if isinstance(error, Exception) and str(error) else str(detail["msg"])


def _of_nearest_branches(findings: Sequence[Finding], document: Any) -> list[Finding]:
    """Leave out the faults of alternatives of a union that lack more than another: they were not meant.

    Pydantic puts the name of the alternative into the path, where the document has nothing of that name.
    """
    branches: dict[Path, dict[str | int, list[Finding]]] = {}
    kept = []
    for finding in findings:
        depth = _depth_of_branch(finding.path, document)
        if depth is None:
            kept.append(finding)
        else:
            branches.setdefault(finding.path[:depth], {}).setdefault(finding.path[depth], []).append(finding)
    for path, alternatives in branches.items():
        nearest = min(alternatives.values(), key=lambda found: sum(1 + one.is_lack for one in found))
        plain = [finding._replace(path=(*path, *finding.path[len(path) + 1 :])) for finding in nearest]
        kept += _of_nearest_branches(plain, document)
    return kept


def _depth_of_branch(path: Path, document: Any) -> int | None:
    """Return the number of the step that names an alternative, None if there is none.

    The last step may be the name of a missing member.
    """
    for depth, step in enumerate(path[:-1]):
        members = dict(enumerate(document)) if isinstance(document, list) else document
        if not isinstance(members, dict) or step not in members:
            return depth
        document = members[step]
    return None
