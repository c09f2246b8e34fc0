"""Calls on the pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import get_config
from matrix_app.services.audit import CLI
from matrix_app.services.change_settings import change_settings
from matrix_app.storage import audit
from matrix_app.storage import settings as stored
from tests.factories.browser import Browser
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_page_says_how_calls_are_set_up(browser: Browser) -> None:
    assert "No TURN server" in browser.get("/admin/calls/").text
    rtc = {"livekit_service_urls": ("https://rtc.example/jwt",)}
    with settings(turn={"uris": ("turn:turn.example",), "user": "u", "password": "p"}, rtc=rtc):
        shown = browser.get("/admin/calls/").text
        assert "A fixed user" in shown
        assert "https://rtc.example/jwt" in shown
        assert browser.get("/admin/calls/turnserver/").status == 409
    with settings(turn={"uris": ("turn:turn.example",)}):
        assert "refuse everybody" in browser.get("/admin/calls/").text


def test_a_new_secret_is_sealed_and_shown_for_the_turn_server(browser: Browser) -> None:
    change_settings(CLI, {"turn.uris": ["turn:turn.example"], "turn.secret": "short"})
    shown = browser.post("/admin/calls/rotate/", page="/admin/calls/")
    secret = get_config().turn.secret
    assert len(secret) > 30
    assert f"static-auth-secret={secret}" in shown.text
    assert secret.encode() not in stored.all_values()["turn.secret"]
    assert all(secret not in str(entry.details) for entry in audit.page(before=None, limit=10))
    assert "turn.rotate_secret" in [entry.action for entry in audit.page(before=None, limit=3)]
    browser.post("/admin/calls/rotate/", page="/admin/calls/")
    assert get_config().turn.secret != secret


def test_a_secret_in_a_file_is_followed_by_the_one_before(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "turn_secret"
    file.write_text("old\n", encoding="utf-8")
    with settings(turn={"uris": ("turn:turn.example",), "secret_file": file}):
        shown = browser.post("/admin/calls/rotate/", page="/admin/calls/")
        assert "static-auth-secret=old" in shown.text
    new, old = file.read_text(encoding="utf-8").split()
    assert (new != "old", old) == (True, "old")


def test_a_fixed_user_has_no_secret_to_rotate(browser: Browser) -> None:
    with settings(turn={"uris": ("turn:turn.example",), "user": "u", "password": "p"}):
        shown = browser.post("/admin/calls/rotate/", page="/admin/notices/")
        assert "a fixed user and no shared secret" in shown.text
