"""The pages about other servers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.storage import audit, db, destinations
from tests.factories.accounts import make_account
from tests.factories.browser import Browser

pytestmark = pytest.mark.django_db(transaction=True)


class Answering:
    """Other servers: those called far.example answer."""

    asked: list[str] = []

    def request(self, destination: str, method: str, path: str, **options: Any) -> Any:
        self.asked.append(f"{method} {destination}{path} {options['even_if_failing']}")
        if destination != "far.example":
            raise RemoteUnreachable("no answer")
        return {"server": {"name": "Synapse", "version": "1.0"}}


answering = Answering()


@pytest.fixture
def browser() -> Browser:
    visitor = Browser()
    visitor.sign_in(make_account("owner", admin=True))
    with db.write():
        destinations.put_success("far.example", 1000)
        destinations.put_failure("mute.example", 1000, 9_000_000_000_000, 60_000)
    return visitor


def test_servers_are_listed_by_how_they_answer(browser: Browser) -> None:
    shown = browser.get("/admin/federation/")
    assert shown.texts("tbody td a") == ["far.example", "mute.example"]
    assert "1 server does not answer" in " ".join(shown.texts(".notice"))
    assert browser.get("/admin/federation/", kind="failing").texts("tbody td a") == ["mute.example"]
    assert browser.get("/admin/federation/", q="FAR").texts("tbody td a") == ["far.example"]


def test_a_server_shows_since_when_it_is_silent(browser: Browser) -> None:
    shown = browser.get("/admin/federation/mute.example/")
    assert "Silent since" in shown.text
    assert browser.get("/admin/federation/unheard.example/").status == 404


@override_settings(REMOTE_SERVERS="tests.admin_ui.test_federation.answering")
def test_a_server_is_asked_now_and_its_answer_is_shown(browser: Browser) -> None:
    page = "/admin/federation/far.example/"
    assert "Synapse 1.0" in browser.post(f"{page}retry/", page=page).message
    assert answering.asked[-1] == "GET far.example/_matrix/federation/v1/version True"
    page = "/admin/federation/mute.example/"
    assert "no answer" in browser.post(f"{page}retry/", page=page).message
    assert audit.page(before=None, limit=1)[0].action == "server.retry"


def test_any_server_is_tested_and_every_step_shown(browser: Browser) -> None:
    assert "Every step" not in browser.get("/admin/federation/test/").text
    shown = browser.get("/admin/federation/test/", name="far.example")
    assert "no server in tests" in shown.text
    assert "cannot be reached" in shown.text
    assert audit.page(before=None, limit=1)[0].action == "server.examine"
    assert browser.get("/admin/federation/test/", name="<b>").texts(".notice.error")
