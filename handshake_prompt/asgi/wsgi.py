"""Detection of WSGI: a server or an application of that interface, where the protocol cannot be served."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

logger = logging.getLogger("handshake_prompt")

_DJANGOS_COMMANDS = "django.core.management"
_DAPHNES_RUNSERVER = "daphne.management.commands.runserver"


def refuse_wsgi(app: Any) -> None:
    """Make sure that an application to be wrapped is one of ASGI, as far as can be told.

    Raises:
        TypeError: it is Django's or Flask's, or cannot be called at all.
    """
    if not callable(app):
        raise TypeError(f"wrap takes an ASGI application, not {type(app).__name__}")
    kind = f"{type(app).__module__}.{type(app).__name__}"
    if kind == "django.core.handlers.wsgi.WSGIHandler" or hasattr(app, "wsgi_app"):
        raise TypeError("wrap takes an ASGI application, and this is one of WSGI. Django has get_asgi_application().")


def warn_of_wsgi(argv: Sequence[str] | None = None, modules: Mapping[str, Any] | None = None) -> None:
    """Log a warning under Django's own `manage.py runserver`, which serves WSGI and none of our paths.

    Args:
        argv: the command line, this process's own by default.
        modules: the modules that are loaded, `sys.modules` by default.
    """
    argv = sys.argv if argv is None else argv
    modules = sys.modules if modules is None else modules
    is_runserver = _DJANGOS_COMMANDS in modules and argv[1:2] in (["runserver"], ["runserver_plus"], ["testserver"])
    if is_runserver and _DAPHNES_RUNSERVER not in modules:
        logger.warning(
            "`manage.py %s` serves WSGI, and the protocol needs ASGI: its paths are answered 404. Put 'daphne' first "
            "in INSTALLED_APPS, or run the ASGI application, such as `uvicorn project.asgi:application`.",
            argv[1],
        )
