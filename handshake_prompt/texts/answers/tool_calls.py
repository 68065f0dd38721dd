"""Calls of tools in the place of an answer: of MCP, of the APIs of models, of the templates of local ones.

A call is an object with a tool's name and its arguments. Those of the protocol's own tools have a meaning of their own;
those of any other are the answer itself. SPEC.md section 11.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .answer import is_bare
from .field_names import FieldNames
from .lenient_json import JSONReader
from .pasted_text import TextFaultError
from .placed_json import Listed, Members, placed_entries, placed_members

_ARGUMENTS = frozenset(
    {"arguments", "args", "input", "parameters", "params", "kwargs", "action_input", "tool_input", "toolinput"}
)
_CALLS = frozenset(
    {"function", "functioncall", "function_call", "toolcall", "tool_call", "tooluse", "tool_use", "toolcalls"}
) | {"tool_calls", "function_calls"}
_NAMES = ("name", "tool", "tool_name", "toolname", "recipient_name", "action", "method")
"""Members with the tool's name, the most telling first."""
_ABOUT = frozenset({*_NAMES, "type", "id", "jsonrpc", "call_id", "tool_call_id", "index", "role", "content", "status"})
"""Other members of a call."""
_READING = frozenset({"connect", "get_context", "get_changes", "wait_for_user", "extend", "find_options"})
_SEPARATORS = ("__", ".", "/", ":")
"""Between a server's name and its tool's."""


def unwrap_call(members: Members, names: FieldNames) -> Members | None:
    """Return the object in the place of a call, an inner call included; None if an object is no call.

    Raises:
        TextFaultError: its arguments cannot be read, or the tool only reads.
    """
    if (holder := _arguments_name(members, names)) is None:
        return None
    place = members.places[holder]
    value = _parse_arguments(members[holder], place)
    if isinstance(value, Listed) and holder.lower() in _CALLS:
        value = merge_calls(value, names)
    if not isinstance(value, Members):
        raise TextFaultError("the arguments of this call are no object", place)
    return value if holder.lower() in _CALLS else _answer_of_tool(_tool_name(members), value, place)


def is_writing(members: Members, names: FieldNames) -> bool:
    """Whether an object is the call of a tool that does not only read."""
    return _arguments_name(members, names) is not None and _tool_name(members) not in _READING


def _arguments_name(members: Members, names: FieldNames) -> str | None:
    """Return the name of the member with the arguments of a call, or an inner call; None if an object is no call."""
    held = [name for name in members if name.lower() in _ARGUMENTS | _CALLS and names.key_of(name) is None]
    others = {name.lower() for name in members if name not in held}
    return held[0] if len(held) == 1 and others <= _ABOUT else None


def merge_calls(calls: Listed, names: FieldNames) -> Members | None:
    """Return the sum of several calls, each of their members as a list; None if one of them is no call.

    Raises:
        TextFaultError: see `unwrap_call`.
    """
    found = Members()
    for call, at in placed_entries(calls, 0):
        if isinstance(call, Members) and call.get("type") == "text":
            continue  # what a model said before it made its calls
        inner = unwrap_call(call, names) if isinstance(call, Members) else None
        if inner is None:
            return None
        while (deeper := unwrap_call(inner, names)) is not None:
            inner = deeper
        for name, value, where in placed_members(_only_member("fields", inner, at) if is_bare(inner) else inner, at):
            _extend_member(found, name, value, where)
    return found or None


def _extend_member(found: Members, name: str, value: Any, place: int) -> None:
    if name not in found:
        found.put_member(name, Listed(), place)
    for entry, at in _as_entries(value, place):
        found[name].put_entry(_open_suggestion(entry, at) if name == "suggest" else entry, at)


def _parse_arguments(value: Any, place: int) -> Any:
    """Return arguments, read if they are JSON within a text; all of them have the place of that text then.

    Raises:
        TextFaultError: the text is no JSON.
    """
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return _move_to(JSONReader(value).read_whole(), place)
    except TextFaultError as fault:
        raise TextFaultError(f"the arguments are no JSON: {fault.msg}", place) from None


def _move_to(value: Any, place: int) -> Any:
    """Return a value with all its parts at one place."""
    if isinstance(value, Members):
        value.places = dict.fromkeys(value, place)
    elif isinstance(value, Listed):
        value.places = [place] * len(value)
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _move_to(one, place)
    return value


def _as_entries(value: Any, place: int) -> list[tuple[Any, int]]:
    """Return the members of an object as entries of a list; a list is returned as it is."""
    if isinstance(value, dict):
        return [(_as_entry(name, one, at), at) for name, one, at in placed_members(value, place)]
    return [*placed_entries(value, place)] if isinstance(value, list) else [(value, place)]


def _as_entry(key: str, value: Any, place: int) -> Members:
    entry = Members()
    entry.put_member("key", key, place)
    entry.put_member("value", value, place)
    return entry


def _open_suggestion(entry: Any, place: int) -> Any:
    """Return the entry of a suggestion with the members of its value, such as its reason, as its own."""
    value = entry.get("value") if isinstance(entry, dict) and len(entry) == len(("key", "value")) else None
    if not isinstance(value, Members) or "value" not in value:
        return entry
    found = Members()
    for name, one, at in (("key", entry["key"], place), *placed_members(value, place)):
        found.put_member(name, one, at)
    return found


def _tool_name(members: Members) -> str:
    named = {name.lower(): value for name, value in members.items()}
    tool = next((named[name] for name in _NAMES if isinstance(named.get(name), str)), "")
    for separator in _SEPARATORS:
        tool = tool.rpartition(separator)[2]
    return tool.lower()


def _answer_of_tool(tool: str, arguments: Members, place: int) -> Members:
    """Return the answer in the arguments of a tool.

    Raises:
        TextFaultError: the tool only reads.
    """
    if tool in _READING:
        raise TextFaultError("this tool writes nothing: an answer has the fields to write", place)
    return _TOOLS.get(tool, _written)(arguments, place)


def _written(arguments: Members, place: int) -> Members:
    """Return the arguments of `set_fields`, or of a foreign tool: an answer, fields, or the key and value of one."""
    return _only_member("fields", [arguments], place) if arguments.keys() == {"key", "value"} else arguments


def _suggested(arguments: Members, place: int) -> Members:
    held = [name for name in ("suggestions", "suggest", "fields") if name in arguments]
    return _only_member("suggest", arguments[held[0]] if held else arguments, place)


def _asked(arguments: Members, place: int) -> Members:
    return _only_member("ask", [arguments.only_members({"text", "fields", "key", "expiresIn"})], place)


def _rows_edited(arguments: Members, place: int) -> Members:
    """Return additions and removals; all else stays, to be told as unread."""
    added = Listed()
    for row, at in placed_entries(arguments.get("add") or [], place):
        if isinstance(row, dict) and isinstance(row.get("list"), str):
            added.put_entry(_as_entry(row["list"], row.get("values", {}), at), at)
    found = arguments.only_members(arguments.keys() - {"add"})
    if added:
        found.put_member("add", added, arguments.places["add"])
    return found


def _only_member(name: str, value: Any, place: int) -> Members:
    found = Members()
    found.put_member(name, value, place)
    return found


_TOOLS: dict[str, Callable[[Members, int], Members]] = {
    "suggest_fields": _suggested,
    "ask_person": _asked,
    "edit_rows": _rows_edited,
}
