"""Compiled form: the fields of a schema by key, its tree, and its rules on the fields shown and asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from handshake_prompt.protocol.messages import CreationWarning

from .fields import Field
from .rules import FieldRules, fields_of_a_row
from .shape import Group, Leaf, Rows, entry_key, lists_of


@dataclass(eq=False, slots=True)
class Form:
    """A compiled schema."""

    schema_json: bytes
    """The schema as text."""
    fields: dict[str, Field]
    """By key without the ids of rows: `lines`, `lines/amount`."""
    shape: Group
    """The tree of the document that the form stands for."""
    rules: FieldRules
    """For `status_of`."""
    mistakes: tuple[CreationWarning, ...]
    """Warnings for the schema's author."""
    weight: int
    """How many plain fields take as much memory."""

    lists: Mapping[str, Rows] = field(init=False)
    """The lists of rows, those within rows too, by key without the ids of rows."""
    leaves: Mapping[str, Leaf | Rows] = field(init=False)
    """The fields that stand in no row, as the document has them, by key."""
    row_fields: int = field(init=False)
    """Fields to look at for a row, of the most costly list: its own, and all that its conditions name."""
    field_of: Callable[[str], Field | None] = field(init=False)
    """Returns the field of a cell (`lines/r3/amount`) or of a list of rows (`lines`), None for any other key.

    Whether there is such a row is for the session to say.
    """
    is_static: bool = field(init=False)
    """Whether what is shown and asked for is the same whatever the values: no condition, no rows."""
    has_conditional_options: bool = field(init=False)
    """Whether an option is there under a condition."""
    is_immediate: bool = field(init=False)
    """Whether each write is judged by itself, and soon: no condition, no embedded schema."""
    required: tuple[Field, ...] = field(init=False)
    """Fields of a static form that the agent is asked for."""
    required_person: tuple[Field, ...] = field(init=False)
    """Fields of a static form that the person alone is asked for."""
    sensitive: tuple[str, ...] = field(init=False)
    """Keys of fields that no agent sees; of cells, without the ids of rows."""
    has_patterns: bool = field(init=False)
    """Whether matching a value can take long."""

    def __post_init__(self) -> None:
        self.lists = dict(lists_of(self.shape))
        self.leaves = {node.key: node for node in self.shape.leaves()}
        self.row_fields = fields_of_a_row(self.rules)
        self.field_of = self._field_in_rows if self.lists else self.fields.get
        self.is_static = self.rules.is_static and not self.lists
        fields = self.fields.values()
        self.has_conditional_options = any(one.choices.conditions for one in fields)
        embeds = any(one.embedded for one in fields)
        self.is_immediate = self.rules.is_static and not embeds and not self.has_conditional_options
        asked = [one for one in fields if one.required and not one.read_only]
        self.required = tuple(one for one in asked if not one.by_person)
        self.required_person = tuple(one for one in asked if one.by_person)
        self.sensitive = tuple(one.key for one in fields if one.sensitive)
        self.has_patterns = any(one.has_pattern for one in fields)

    def rows_of(self, key: str) -> Rows | None:
        """Return the list of rows with a key (`lines`, `passengers/r2/bags`), None for any other key.

        Its `entry` has `minRows` and `maxRows`, its `item` is the shape of each row.
        """
        path = entry_key(key, self.lists)
        return self.lists.get(path) if path is not None else None

    def _field_in_rows(self, key: str) -> Field | None:
        path = entry_key(key, self.lists)
        return self.fields.get(path) if path is not None else None
