"""The pages about other servers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from matrix_app.federation.policy import is_allowed
from matrix_app.protocol.errors import InvalidParam, RemoteUnreachable
from matrix_app.services.audit import CLI
from matrix_app.services.change_settings import change_settings
from matrix_app.services.deny_server import deny_server
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
    page = "/admin/federation/test/"
    shown = browser.post(page, {"name": "far.example"})
    assert "no server in tests" in shown.text
    assert "cannot be reached" in shown.text
    assert audit.page(before=None, limit=1)[0].action == "server.examine"
    assert browser.post(page, {"name": "<b>"}).texts(".notice.error")
    assert browser.post(page, {}).texts(".notice.error")


def test_looking_at_the_form_asks_no_server(browser: Browser) -> None:
    before = audit.page(before=None, limit=1)
    shown = browser.get("/admin/federation/test/", name="far.example")
    assert "Every step" not in shown.text
    assert shown.html.css("#id_name")[0].attributes["value"] == "far.example"
    assert audit.page(before=None, limit=1) == before


def test_a_server_is_denied_on_its_page_and_allowed_again(browser: Browser) -> None:
    page = "/admin/federation/far.example/"
    assert "nothing has been done" in browser.post(f"{page}deny/", page=page).message
    assert browser.post(f"{page}deny/", {"typed_name": "far.example"}, page=page).message
    assert not is_allowed("FAR.example")
    assert "Allow it again" in browser.get(page).text
    assert audit.page(before=None, limit=1)[0].action == "settings.change"
    assert browser.post(f"{page}allow/", page=page).message
    assert is_allowed("far.example")


def test_what_a_pattern_denies_is_allowed_in_the_settings_only(browser: Browser) -> None:
    page = "/admin/federation/far.example/"
    change_settings(CLI, {"federation.deny_servers": ("far.*", "far.example")})
    assert "The pattern far.* denies it" in browser.post(f"{page}allow/", page=page).message
    change_settings(CLI, {"federation.deny_servers": ("far.*",)})
    shown = browser.get(page)
    assert "It is denied by the pattern <code>far.*</code>" in shown.text
    assert "Allow it again" not in shown.text
    with pytest.raises(InvalidParam):
        deny_server(CLI, "hearth.example")


def test_what_the_file_fixes_is_shown_locked(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_FEDERATION__DENY_SERVERS", '["evil.example"]')
    shown = browser.get("/admin/federation/far.example/")
    assert "fixed by the configuration file" in shown.text
    assert "Deny this server" not in shown.text
