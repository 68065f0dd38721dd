"""Options of an engine, as an application passes them on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from handshake_prompt.modes import ModeHandler
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.stores import SessionStore

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
    """Check that all options are options of an engine.

    Raises:
        TypeError: one is not, in the words in which Python refuses an argument of `taker`.
    """
    for name in options.keys() - EngineOptions.__annotations__.keys():
        raise TypeError(f"{taker}() got an unexpected keyword argument {name!r}")
