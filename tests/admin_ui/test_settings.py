"""Settings on pages."""

from __future__ import annotations

import pytest
from django.utils import translation

from admin_ui.faults import told
from admin_ui.sections.settings.views import TITLES, sections
from appliance.config import get_config
from appliance.config.stored import refresh
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services.audit import CLI
from matrix_app.services.change_settings import change_settings
from matrix_app.storage import db
from matrix_app.storage import settings as stored
from tests.factories.browser import Browser
from tests.factories.mail_server import mail_server
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)


def filled(browser: Browser, section: str) -> dict[str, str]:
    """What the form of a section would send as it is."""
    shown = browser.get(f"/admin/settings/{section}/")
    fields: dict[str, str] = {}
    for box in shown.html.css("#settings input[name], #settings textarea[name]"):
        kind, name = box.attributes.get("type"), str(box.attributes["name"])
        if kind != "checkbox" or "checked" in box.attributes:
            fields[name] = box.attributes.get("value") or box.text() or ("on" if kind == "checkbox" else "")
    for box in shown.html.css("#settings select"):
        chosen = box.css_first("option[selected]")
        assert chosen is not None
        fields[str(box.attributes["name"])] = str(chosen.attributes["value"])
    return fields


def test_every_section_has_a_title() -> None:
    assert set(sections()) - set(TITLES) == set()


@pytest.mark.parametrize("section", list(sections()))
def test_every_section_is_shown_and_sent_back_unchanged(browser: Browser, section: str) -> None:
    before = get_config()
    shown = browser.post(f"/admin/settings/{section}/", filled(browser, section))
    assert "have been changed" in shown.message
    assert get_config() == before


def test_settings_are_changed_and_reset(browser: Browser) -> None:
    fields = filled(browser, "registration") | {"registration-mode": "closed", "registration-guests": "on"}
    browser.post("/admin/settings/registration/", fields)
    assert get_config().registration.mode == "closed"
    assert get_config().registration.guests
    page = "/admin/settings/registration/"
    browser.post(f"{page}reset/", {"setting": "registration.mode"}, page=page)
    assert get_config().registration.mode != "closed"


def test_a_stored_setting_that_is_no_more_is_in_no_pages_way(browser: Browser) -> None:
    with db.write():
        stored.put("retention.device_messages_days", b"14", 5, None)
    refresh(now=True)
    fields = filled(browser, "retention") | {"retention-audit_days": "90"}
    assert "have been changed" in browser.post("/admin/settings/retention/", fields).message
    assert get_config().retention.audit_days == 90
    for page in ("/admin/settings/", "/admin/settings/effective/", "/admin/settings/retention/"):
        shown = browser.get(page)
        assert (shown.address, shown.status) == (page, 200)
        assert "device_messages_days" not in shown.text


def test_faults_are_shown_and_nothing_is_changed(browser: Browser) -> None:
    fields = filled(browser, "password_policy") | {"password_policy-minimum_length": "0"}
    assert browser.post("/admin/settings/password_policy/", fields).texts(".wrong-text")
    fields = filled(browser, "mail") | {"mail-host": "mail.example", "mail-sender": ""}
    assert browser.post("/admin/settings/mail/", fields).texts(".notice.error")
    assert get_config().mail.host == ""


def test_what_the_environment_fixes_is_shown_locked(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARTH_ROOMS__PUBLICATION", "true")
    shown = browser.get("/admin/settings/rooms/")
    box = shown.html.css_first("input[name=rooms-publication]")
    assert box is not None
    assert "disabled" in box.attributes
    assert "fixed by the configuration" in shown.text


def test_a_list_that_the_environment_fixes_stays_as_it_is(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with settings(turn={"uris": ["turn:turn.hearth.example:3478"], "secret": "of-the-turn-server"}):
        monkeypatch.setenv("HEARTH_TURN__URIS", "turn:turn.hearth.example:3478")
        shown = browser.post("/admin/settings/turn/", {"turn-ttl_seconds": "many"})
        assert shown.status == 200
        assert shown.texts(".wrong-text")
        assert shown.texts("textarea[name=turn-uris]") == ["turn:turn.hearth.example:3478"]


def test_secrets_are_never_shown_and_stay_when_nothing_is_typed(browser: Browser) -> None:
    change_settings(CLI, {"mail.host": "mail.example", "mail.sender": "a@b", "mail.password": "hunter2"})
    assert "hunter2" not in browser.get("/admin/settings/mail/").text
    browser.post("/admin/settings/mail/", filled(browser, "mail") | {"mail-port": "25"})
    assert (get_config().mail.port, get_config().mail.password) == (25, "hunter2")


def test_a_test_mail_is_sent(browser: Browser) -> None:
    page = "/admin/settings/mail/"
    assert "No mail server" in browser.post(f"{page}test/", {"to": "a@b.example"}, page=page).message
    with mail_server() as server:
        change_settings(CLI, {f"mail.{name}": value for name, value in server.settings.items()})
        assert "has taken" in browser.post(f"{page}test/", {"to": "a@b.example"}, page=page).message
        assert server.mails[0]["To"] == "a@b.example"
    assert "did not take" in browser.post(f"{page}test/", {"to": "a@b.example"}, page=page).message


def test_what_is_wrong_with_a_setting_is_said_in_the_language_of_the_visitor(browser: Browser) -> None:
    fields = filled(browser, "mail") | {"mail-host": "mail.example", "mail-sender": ""}
    browser.client.cookies["hearth_language"] = "de"
    [said] = browser.post("/admin/settings/mail/", fields).texts(".notice.error")
    assert said.endswith("mail.sender: ist nötig, um E-Mail über mail.host zu senden")


def test_a_value_of_a_wrong_kind_is_told_in_the_language_of_the_visitor() -> None:
    with pytest.raises(InvalidParam) as raised:
        change_settings(CLI, {"password_policy.minimum_length": "many"})
    assert raised.value.message == "password_policy.minimum_length: it must be a whole number, and is text"
    with translation.override("fr"):
        assert told(raised.value).endswith("ce doit être un nombre entier, et c\u2019est du texte")
