"""Invitations: tokens of administrators, and people who accept them."""

from __future__ import annotations

import msgspec
import pytest

from appliance.config import Config
from appliance.config.current import use_config
from matrix_app.storage import accounts, audit, db, registration_tokens
from tests.factories.browser import Browser
from tests.factories.visitor import post

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a long enough sentence"


def invite(browser: Browser, **fields: str) -> str:
    shown = browser.post("/admin/invitations/new/", {"uses_allowed": "1", **fields})
    return shown.address.removeprefix("/admin/invitations/").rstrip("/")


def accept(token: str, name: str, password: str = PASSWORD) -> str:
    shown = Browser().post(
        f"/account/join/{token}/", {"name": name, "password": password, "again": password, "terms": "on"}
    )
    return shown.text


def test_an_invitation_is_a_link_that_makes_an_account_once(browser: Browser) -> None:
    token = invite(browser)
    shown = browser.get(f"/admin/invitations/{token}/")
    assert f"/account/join/{token}/" in shown.text
    assert "data:image/svg+xml" in shown.text
    assert "@frieda:hearth.example" in accept(token, "Frieda")
    identifier = {"type": "m.id.user", "user": "frieda"}
    assert (
        post("/login", {"type": "m.login.password", "identifier": identifier, "password": PASSWORD}).status
        == 200
    )
    assert accounts.find("@frieda:hearth.example") is not None
    assert Browser().get(f"/account/join/{token}/").status == 404
    assert audit.page(before=None, limit=1)[0].action == "user.join"


def test_a_refused_name_or_password_does_not_use_the_invitation_up(browser: Browser) -> None:
    token = invite(browser)
    assert "taken" in accept(token, "owner")
    assert "at least" in accept(token, "franz", "short")
    row = registration_tokens.find(token)
    assert row is not None
    assert (row.pending, row.completed) == (0, 0)


def test_an_expired_invitation_opens_nothing(browser: Browser) -> None:
    token = invite(browser, uses_allowed="", expires="2099-01-01")
    assert Browser().get(f"/account/join/{token}/").status == 200
    with db.write():
        db.execute("UPDATE registration_token SET expires_ts = 1")
    assert Browser().get(f"/account/join/{token}/").status == 404
    assert len(browser.get("/admin/invitations/", kind="ended").html.css("tbody tr")) == 1


def test_an_invitation_is_changed_and_taken_back(browser: Browser) -> None:
    token = invite(browser, token="summer-party")
    page = f"/admin/invitations/{token}/"
    browser.post(page, {"uses_allowed": "25"})
    row = registration_tokens.find("summer-party")
    assert row is not None
    assert row.uses_allowed == 25
    browser.post(f"{page}delete/", page=page)
    assert registration_tokens.find("summer-party") is None


@pytest.mark.parametrize(
    "fields", [{"token": "a b"}, {"token": "x" * 65}, {"uses_allowed": "-1"}, {"expires": "2001-01-01"}]
)
def test_an_invitation_that_makes_no_sense_is_refused(browser: Browser, fields: dict[str, str]) -> None:
    shown = browser.post("/admin/invitations/new/", fields)
    assert shown.address == "/admin/invitations/new/"
    assert shown.texts(".wrong-text, .notice.error")


def test_invitations_are_paged(browser: Browser) -> None:
    with db.write():
        for number in range(60):
            registration_tokens.put(f"t{number:02}", None, None, 1000)
    first = browser.get("/admin/invitations/")
    second = browser.get("/admin/invitations/" + first.href("a[rel=next]"))
    tokens = first.texts("td a") + second.texts("td a")
    assert len(set(tokens)) == len(tokens) == 60


def test_terms_are_agreed_to(browser: Browser, config: Config) -> None:
    terms = msgspec.structs.replace(config.registration.terms, version="7", url="https://hearth.example/t")
    registration = msgspec.structs.replace(config.registration, terms=terms)
    token = invite(browser)
    with use_config(msgspec.structs.replace(config, registration=registration)):
        without = Browser().post(
            f"/account/join/{token}/", {"name": "ida", "password": PASSWORD, "again": PASSWORD}
        )
        assert without.texts(".wrong-text")
        assert "@ida:" in accept(token, "ida")
    assert db.value("SELECT terms_version FROM account ORDER BY user_nid DESC LIMIT 1") == "7"
