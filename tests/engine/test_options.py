"""Options of an engine, as the application passes them on."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_type_hints

import pytest

from handshake_prompt import HandshakeApp, Limits, ProtocolEngine
from handshake_prompt.engine.options import EngineOptions

OF_THE_ENGINE_ALONE = {"prefix", "ws_prefix"}
"""Where the engine is mounted; an application is told by its requests."""


def test_the_options_are_those_of_the_engine_with_their_types() -> None:
    hints = get_type_hints(ProtocolEngine.__init__)
    names = inspect.signature(ProtocolEngine).parameters.keys() - OF_THE_ENGINE_ALONE
    assert get_type_hints(EngineOptions) == {name: hints[name] for name in names}


def test_an_application_passes_its_options_on() -> None:
    hpp = HandshakeApp(ttl=7, limits=Limits(fields=3))
    assert (hpp.engine.ttl, hpp.engine.limits.fields) == (7, 3)


@pytest.mark.parametrize("options", [{"tll": 1}, {"prefix": "/x"}, {"store": "memory://", "ws_prefix": "/x"}], ids=str)
def test_an_unknown_option_is_refused_by_its_name(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=rf"HandshakeApp\(\) got an unexpected keyword argument '{list(options)[-1]}'"):
        HandshakeApp(**options)


def test_an_application_shows_what_it_takes() -> None:
    """For editors and `help`: every option is named in the docstring."""
    assert not {name for name in EngineOptions.__annotations__ if name not in (HandshakeApp.__doc__ or "")}


WRONG = {
    "no store": ({"store": None}, TypeError, "store has to be a SessionStore, or a URL"),
    "no number": ({"ttl": "30"}, TypeError, "ttl has to be a positive number of seconds, not '30'"),
    "no time": ({"ttl": 0}, ValueError, "ttl has to be a positive number of seconds, not 0"),
    "an owner's name": ({"owner": "user_id"}, TypeError, "owner has to be a function of the request"),
    "no check": ({"validator": 3}, TypeError, "validator has to be a function"),
    "no proof": ({"require_browser_auth": True}, TypeError, "require_browser_auth has to be a function"),
    "a prompt's text": ({"prompt": "Fill in"}, TypeError, "prompt has to be True, False, or a function"),
    "an address without a scheme": ({"public_url": "example.com"}, ValueError, "public_url has to be scheme and host"),
    "an address that is none": ({"public_url": 3}, TypeError, "public_url has to be scheme and host"),
    "no limits": ({"limits": {"fields": 3}}, TypeError, "limits has to be a Limits"),
}


@pytest.mark.parametrize("build", [HandshakeApp, ProtocolEngine])
@pytest.mark.parametrize(("options", "kind", "said"), WRONG.values(), ids=WRONG)
def test_a_value_that_is_none_is_refused_where_the_application_is_built(
    build: Any, options: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=re.escape(said)):
        build(**options)
