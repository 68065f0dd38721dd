"""Options of an engine, as the application passes them on."""

from __future__ import annotations

import inspect
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
