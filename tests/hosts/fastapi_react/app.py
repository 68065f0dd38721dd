"""Bookings: a JSON API on FastAPI, with a React application that posts what it holds as its state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import BaseModel, Field, field_validator
from starlette.middleware.sessions import SessionMiddleware

HERE = Path(__file__).parent
FULL = {"Grand"}

POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"

app = FastAPI()
booked: list[dict[str, Any]] = []


class User(NamedTuple):
    """A customer."""

    id: int
    name: str


users = {1: User(1, "ada"), 2: User(2, "eve")}


class Booking(BaseModel):
    """A booking of a hotel."""

    hotel: str = Field(min_length=3)
    nights: int = Field(ge=1, le=28)
    arrival: date
    board: Literal["none", "breakfast", "full"]
    guests: list[str] = Field(max_length=4)
    quiet: bool = False

    @field_validator("hotel")
    @classmethod
    def has_room(cls, hotel: str) -> str:
        if hotel in FULL:
            raise ValueError(f"{hotel} is full")
        return hotel


def current_user(request: Request) -> User:
    """Return the customer who is logged in."""
    user = users.get(request.session.get("user_id", 0))
    if user is None:
        raise HTTPException(401, "Log in first")
    return user


CurrentUser = Annotated[User, Depends(current_user)]


@app.post("/api/login/{user_id}")
async def log_in(request: Request, user_id: int) -> Response:
    request.session["user_id"] = user_id
    return Response(status_code=204)


@app.exception_handler(RequestValidationError)
async def tell_errors(_: Request, error: RequestValidationError) -> Response:
    errors = {str(one["loc"][1]): one["msg"] for one in error.errors() if len(one["loc"]) > 1}
    return JSONResponse({"errors": errors}, 422)


@app.post("/api/bookings", status_code=201)
async def book(booking: Booking, user: CurrentUser) -> dict[str, int]:
    booked.append({"user": user.name, "booking": booking})
    return {"number": len(booked)}


@app.get("/")
async def page() -> FileResponse:
    return FileResponse(HERE / "index.html")


@app.get("/booking.js")
async def script() -> FileResponse:
    return FileResponse(HERE / "booking.js", media_type="text/javascript")


@app.middleware("http")
async def restrict(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = POLICY
    return response


app.add_middleware(SessionMiddleware, secret_key="of a test")
