"""Demo application: two forms that a person and their agent fill in together, one in HTML and one from a model.

The model is Pydantic's where that is installed, and the same as a struct of msgspec's elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from itertools import count
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from handshake_prompt.asgi.app import HandshakeApp
from handshake_prompt.asgi.http import Handler, Resource
from handshake_prompt.engine.host.submitted_form import SubmittedForm

try:
    from . import trip_pydantic as trip_model
except ImportError:
    from . import trip_struct as trip_model  # type: ignore[no-redef]

SCRIPTS = ("demo.js", "sample_agent.js", "sample_button.js", "stories.js", "trip.js")
PAGES = {
    "/": ("index.html", "text/html"),
    "/trip.html": ("trip.html", "text/html"),
    "/trip_model.py": (f"{trip_model.__name__.rpartition('.')[2]}.py", "text/plain"),
    "/demo.css": ("demo.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    **{f"/{name}": (name, "text/javascript") for name in SCRIPTS},
}
"""path -> file and media type; nothing else of the package is served."""

PAGE_HEADERS = {
    # Nothing inline and nothing from elsewhere: a value that an agent wrote can never become code.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

CATEGORIES = {"travel": "Travel", "lodging": "Lodging", "meals": "Meals", "equipment": "Equipment", "other": "Other"}
COSTLY_MEAL = 100
"""Euros, above which a report names the attendees."""
IBAN = "[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}"
FIELDS: list[dict[str, Any]] = [
    {"key": "purpose", "label": "Purpose", "type": "string", "required": True, "desc": "What it was for"},
    {
        "key": "category",
        "label": "Category",
        "type": "enum",
        "required": True,
        "options": [{"value": value, "label": label} for value, label in CATEGORIES.items()],
    },
    {"key": "amount", "label": "Amount in euros", "type": "number", "required": True, "min": 0.01, "max": 5000},
    {"key": "attendees", "label": "Attendees", "type": "array", "desc": "One per line"},
    {"key": "billable", "label": "Charge to the client", "type": "boolean"},
    {"key": "expense_date", "label": "Date", "type": "date", "required": True},
    {"key": "start_time", "label": "Started at", "type": "time"},
    {"key": "receipt_at", "label": "Receipt issued at", "type": "datetime"},
    {"key": "receipt_links", "label": "Links to receipts", "type": "url", "multiple": True, "desc": "One per line"},
    {"key": "employee_number", "label": "Employee number", "type": "integer", "readOnly": True, "default": 10482},
    {"key": "approver", "label": "Approver", "type": "email", "required": True},
    {
        "key": "bank_account",
        "label": "Bank account (IBAN)",
        "type": "string",
        "required": True,
        "sensitive": True,
        "pattern": IBAN,
    },
]
"""The form as the server holds it; `index.html` has a control for each."""


def create_demo(**options: Any) -> Starlette:
    """Return the demo application.

    Args:
        options: arguments of `HandshakeApp`.

    Raises:
        ValueError: an option is invalid.
    """
    hpp = HandshakeApp(**options)
    expense = hpp.form("expense", FIELDS, validator=problems_of)
    trip = hpp.form("trip", trip_model.Trip, labels={"way/by": "Travelled by"})
    numbers = count(1)

    @expense.on_submit
    async def file_report(_: SubmittedForm) -> dict[str, str]:
        return {"title": f"Report ER-{next(numbers):04}"}

    @trip.on_submit
    async def file_trip(submitted: SubmittedForm) -> dict[str, str]:
        return {"title": f"Journey TR-{next(numbers):04}, {summary(submitted.value)}"}

    app = Starlette(routes=[Route(path, Resource({"GET": _page(*page)})) for path, page in PAGES.items()])
    hpp.mount_on(app, prefix="/handshake", ws_prefix="/ws/handshake")
    app.state.hpp = hpp
    return app


def summary(trip: trip_model.Trip) -> str:
    """Return a journey in a few words."""
    days = (trip.end - trip.start).days + 1
    return f"{days} {'day' if days == 1 else 'days'}, {sum(cost.amount for cost in trip.costs):.2f} euros"


def problems_of(report: Mapping[str, Any]) -> dict[str, str]:
    """Return the rules that a report breaks, by key: those that no field can tell by itself."""
    problems = {}
    date, issued = report.get("expense_date"), report.get("receipt_at")
    if date and issued and str(issued)[:10] < date:
        problems["receipt_at"] = "The receipt is older than the expense"
    is_costly = report.get("category") == "meals" and (report.get("amount") or 0) > COSTLY_MEAL
    if is_costly and not report.get("attendees"):
        problems["attendees"] = f"A meal above {COSTLY_MEAL} euros needs the names of those who were there"
    return problems


def _page(name: str, media_type: str) -> Handler:
    content = resources.files(__package__).joinpath(name).read_bytes()

    async def page(_: Request) -> Response:
        return Response(content, headers=PAGE_HEADERS, media_type=media_type)

    return page
