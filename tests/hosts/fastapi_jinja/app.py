"""Expense claims: FastAPI with Jinja templates, a session cookie, and a form that a Pydantic model judges."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, Field, ValidationError, model_validator
from starlette.middleware.sessions import SessionMiddleware

POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"

app = FastAPI()
templates = Jinja2Templates(Path(__file__).parent / "templates")
saved: list[dict[str, Any]] = []


class Claim(BaseModel):
    """A claim of expenses."""

    purpose: str = Field(min_length=3, max_length=80)
    category: Literal["travel", "meals", "equipment"]
    amount: float = Field(gt=0, le=5000)
    spent: date
    approver: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    notes: str = ""

    @model_validator(mode="after")
    def is_explained(self) -> Claim:
        if self.category == "meals" and not self.notes:
            raise ValueError("Name the guests of a meal in the notes")
        return self


def current_user(request: Request) -> str:
    """Return the user's name; whoever is not logged in is sent to do that."""
    if "user" not in request.session:
        raise HTTPException(303, headers={"Location": "/login"})
    return str(request.session["user"])


User = Annotated[str, Depends(current_user)]


@app.get("/login")
async def ask_for_name(request: Request) -> HTMLResponse:
    return templates.TemplateResponse(request, "login.html")


@app.post("/login")
async def log_in(request: Request, username: Annotated[str, Form()]) -> Response:
    request.session["user"] = username
    return RedirectResponse("/claims/new", 303)


def form_page(request: Request, values: Any, errors: dict[str, str], status: int = 200) -> HTMLResponse:
    context = {"values": values, "errors": errors}
    return templates.TemplateResponse(request, "claim.html", context, status)


@app.get("/claims/new")
async def new_claim(request: Request, user: User) -> HTMLResponse:
    return form_page(request, {"approver": f"boss-of-{user}@example.com"}, {})


@app.post("/claims")
async def save_claim(request: Request, user: User) -> Response:
    posted = await request.form()
    try:
        claim = Claim.model_validate(dict(posted))
    except ValidationError as error:
        errors = {str(one["loc"][-1]) if one["loc"] else "": one["msg"] for one in error.errors()}
        return form_page(request, posted, errors, 422)
    saved.append({"user": user, "claim": claim})
    return RedirectResponse("/claims", 303)


@app.get("/claims")
async def claims(request: Request, user: User) -> HTMLResponse:
    mine = [entry["claim"] for entry in saved if entry["user"] == user]
    return templates.TemplateResponse(request, "claims.html", {"claims": mine})


@app.middleware("http")
async def restrict(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = POLICY
    return response


app.add_middleware(SessionMiddleware, secret_key="of a test")
