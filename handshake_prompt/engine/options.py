"""Options of an engine, as an application passes them on, and the checks of their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from handshake_prompt.modes import ModeHandler
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.stores import SessionStore
from handshake_prompt.texts.prompt import is_address

from .session_reply import Prompt


class EngineOptions(TypedDict, total=False):
    """The options of `ProtocolEngine` that its owner passes on; they are described, and have their defaults, there."""

    store: SessionStore | str
    ttl: float
    rate_limit_per_min: int | None
    validator: Callable[[Any, str], bool] | None
    mode_handlers: Mapping[str, ModeHandler]
    owner: Callable[..., Any] | None
    require_browser_auth: Callable[..., Any] | None
    strict_modes: bool
    prompt: Prompt
    public_url: str | None
    limits: Limits | None


def check_options(options: Mapping[str, object], taker: str) -> None:
    """Check that all options are options of an engine, and their values.

    Raises:
        TypeError: one is not, in the words in which Python refuses an argument of `taker`; or see `check_values`.
        ValueError: see `check_values`.
    """
    for name in options.keys() - EngineOptions.__annotations__.keys():
        raise TypeError(f"{taker}() got an unexpected keyword argument {name!r}")
    check_values(**options)


def check_values(**options: object) -> None:
    """Check the values of options, so that a mistake shows where the application is built and not at its first request.

    Raises:
        TypeError: one is of another type than it is to have.
        ValueError: `public_url` is no address.
    """
    for name, (is_right, expected) in _EXPECTED.items():
        if name in options and not is_right(options[name]):
            raise TypeError(f"{name} has to be {expected}, not {options[name]!r}")
    public_url = options.get("public_url")
    if isinstance(public_url, str) and not is_address(public_url):
        raise ValueError(f"public_url has to be scheme and host, such as https://example.com, not {public_url!r}")


def _is_function(value: object) -> bool:
    return value is None or callable(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_EXPECTED: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "store": (lambda value: isinstance(value, SessionStore | str), "a SessionStore, or a URL such as 'memory://'"),
    "ttl": (_is_number, "a positive number of seconds"),
    "validator": (_is_function, "a function of a value and a type"),
    "owner": (_is_function, "a function of the request, such as session_owner('user_id')"),
    "require_browser_auth": (_is_function, "a function of the request and the session"),
    "prompt": (lambda value: isinstance(value, bool) or callable(value), "True, False, or a function that builds one"),
    "public_url": (
        lambda value: value is None or isinstance(value, str),
        "scheme and host, such as https://example.com",
    ),
    "limits": (lambda value: value is None or isinstance(value, Limits), "a Limits, such as Limits(fields=100)"),
}
"""The test of an option's value, and the words for a right one."""
