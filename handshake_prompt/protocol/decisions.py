"""Replies about the person's decisions: on requests, on the submission, on a revert. SPEC.md section 4."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from .messages import CreationWarning, ToldProblems


class Asked(TypedDict):
    """The reply of `POST /ask/{sid}`. `attended`: a page of the person's is there, and in view."""

    ok: bool
    id: str
    status: str
    attended: bool
    expiresIn: int
    digest: str
    cursor: str
    warnings: NotRequired[list[CreationWarning]]


class Ended(ToldProblems):
    """The reply of `POST /answer/{sid}/{id}` and of `DELETE /ask/{sid}/{id}`: the standing of the request.

    `report` tells it to the agent in words, where the person has to carry them.
    """

    ok: bool
    id: str
    status: str
    cursor: str
    report: NotRequired[str]


class SubmissionReceipt(TypedDict):
    """The reply of `POST /submit/{sid}`, the same one however often it is asked for."""

    ok: bool
    id: str
    at: str
    digest: str
    authors: dict[str, str]
    result: NotRequired[Any]


class Reverted(ToldProblems):
    """The reply of `POST /revert/{sid}`: the keys of all that was put back."""

    ok: bool
    reverted: list[str]
    cursor: str
