"""Refusals and failures of a server, as far as a log may tell them: never a key, a value, an argument or a password."""

from __future__ import annotations

from redis.exceptions import NoPermissionError, RedisClusterException, ResponseError

RIGHTS = "~{prefix}:* &{prefix}:* +@read +@write +@pubsub +@scripting +@connection +time +info"
"""Rights of an ACL that the store needs; a Cluster's nodes are found with `+cluster` as well."""

_DENIED_IN_SCRIPT = ("The user executing the script can't", "ACL failure in script")


def loggable_reason(error: BaseException, *, prefix: str) -> str:
    """Return the loggable part of an error. `prefix` is that of the keys and channels."""
    if lacks_rights(error):
        return f"its user lacks a right; it needs {RIGHTS.format(prefix=prefix)}"
    if type(error) is ResponseError:
        return f"it answers {str(error).partition(' ')[0]}"
    if isinstance(error, ResponseError):
        return f"it answers {type(error).__name__}"
    if isinstance(error, RedisClusterException):
        return f"the Cluster's nodes cannot be told ({type(error).__name__})"
    if type(error) is TimeoutError:
        return "no answer in time"
    return f"{type(error).__name__}: {error}"


def lacks_rights(error: BaseException) -> bool:
    """Whether an ACL forbids a command, or one within a script."""
    in_script = type(error) is ResponseError and any(told in str(error) for told in _DENIED_IN_SCRIPT)
    return isinstance(error, NoPermissionError) or in_script


def is_of_the_data(error: BaseException) -> bool:
    """Whether a command failed for the type, or a script for the format, of the data it found."""
    if type(error) is not ResponseError or lacks_rights(error):
        return False
    return str(error).startswith("WRONGTYPE") or "user_script" in str(error)
