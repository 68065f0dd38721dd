"""A Django project in a process of its own: its login as the owner of sessions, and its own server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.hosts import PASSWORD, applied, django_project, prepare
from tests.support.peer import Peer, patient_client

FORM = {"mode": "form-fill", "schema": [{"key": "purpose"}]}


@asynccontextmanager
async def browser(url: str, user: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which somebody has logged in."""
    async with patient_client(base_url=url) as http:
        await post(http, "/login", username=user, password=PASSWORD)
        yield http


async def post(http: httpx.AsyncClient, path: str, **data: str) -> httpx.Response:
    """Post a form as Django wants it, with the token of its page."""
    page = await http.get("/claims/new" if path == "/logout" else path)
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token is not None
    return await http.post(
        path, data={"csrfmiddlewaretoken": token[1], **data}, headers={"Referer": str(http.base_url)}
    )


async def opened(http: httpx.AsyncClient) -> httpx.Response:
    return await http.post("/handshake/session", json=FORM)


async def edits(http: httpx.AsyncClient, created: httpx.Response) -> int:
    edit = {"key": "purpose", "value": "mine"}
    return (await http.post(created.json()["notifyUrl"], json=edit)).status_code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, with its database."""
    return prepare(applied("django_model_form", tmp_path_factory.mktemp("django")))


async def test_a_session_is_the_django_users_until_they_log_out(folder: Path) -> None:
    async with django_project(folder) as url, browser(url, "ada") as ada, browser(url, "eve") as eve:
        created = await opened(ada)
        assert await edits(ada, created) == 200
        async with Peer(url, created.json(), cookie_of(ada), ada).watch() as socket:
            assert (await socket.next())["role"] == "user"
        ours = {name: value for name, value in ada.cookies.items() if name.startswith("hpp_")}
        for name, value in ours.items():
            eve.cookies.set(name, value)
        assert await edits(eve, created) == 403
        async with Peer(url, created.json(), cookie_of(eve), eve).watch() as socket:
            assert (await socket.closed())[0] == 4401
        async with browser(url, "ada") as elsewhere:
            assert await edits(elsewhere, created) == 200
        await post(ada, "/logout")
        assert await edits(ada, created) == 403
        assert (await opened(ada)).json()["code"] == "denied"
    log = (folder / "log").read_text("utf-8")
    assert "Traceback" not in log
    assert "ERROR" not in log


def cookie_of(http: httpx.AsyncClient) -> str:
    return "; ".join(f"{name}={value}" for name, value in http.cookies.items())


async def test_a_session_of_djangos_outlives_a_new_secret(folder: Path) -> None:
    """Django then gives the session a new key, which no reply of ours could tell the browser."""
    async with django_project(folder) as url, browser(url, "ada") as http:
        cookies = dict(http.cookies)
    rotated = {"SECRET_KEY": "another", "SECRET_KEY_FALLBACKS": "of a test"}
    async with (
        django_project(folder, **rotated) as url,
        patient_client(base_url=url, cookies=cookies) as http,
    ):
        replies = [(await opened(http)).status_code for _ in range(3)]
        page = await http.get("/claims/new")
    assert (replies, page.status_code) == ([200] * 3, 200)


@pytest.mark.parametrize("has_daphne", [False, True], ids=["Django's own", "daphne's"])
async def test_runserver_says_that_it_serves_no_asgi_unless_it_does(tmp_path: Path, *, has_daphne: bool) -> None:
    folder = applied("django_model_form", tmp_path)
    if has_daphne:
        settings = folder / "expenses" / "settings.py"
        settings.write_text(settings.read_text("utf-8") + 'INSTALLED_APPS.insert(0, "daphne")\n', "utf-8")
    async with django_project(folder, "manage.py", "runserver", "--noreload") as url, patient_client() as http:
        assert (await http.get(f"{url}/handshake/element.js")).status_code == (200 if has_daphne else 404)
    log = (folder / "log").read_text("utf-8")
    assert log.count("Put 'daphne' first in INSTALLED_APPS") == (0 if has_daphne else 1)
