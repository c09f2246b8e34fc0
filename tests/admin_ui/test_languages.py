"""The language of pages: the browser's, or the one that was chosen."""

from __future__ import annotations

import pytest

from tests.factories.accounts import make_account
from tests.factories.browser import Browser, Shown

pytestmark = pytest.mark.django_db(transaction=True)
SIGN_IN = "/account/sign-in/"


def visitor(accepted: str = "") -> Browser:
    """A browser whose owner reads some languages."""
    browser = Browser()
    if accepted:
        browser.client.defaults["HTTP_ACCEPT_LANGUAGE"] = accepted
    return browser


def language_and_heading(shown: Shown) -> tuple[str, str]:
    html = shown.html.css_first("html")
    assert html is not None
    return str(html.attributes["lang"]), shown.texts("h1")[0]


@pytest.mark.parametrize(
    ("accepted", "language", "heading"),
    [
        ("", "en", "Sign in"),
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Anmelden"),
        ("fr-CA", "fr", "Se connecter"),
        ("eo,fr;q=0.3", "fr", "Se connecter"),
        ("eo", "en", "Sign in"),
    ],
)
def test_pages_speak_the_best_language_of_the_browser(accepted: str, language: str, heading: str) -> None:
    assert language_and_heading(visitor(accepted).get(SIGN_IN)) == (language, heading)


def test_a_chosen_language_wins_over_the_browsers_and_leads_back_to_the_page() -> None:
    browser = visitor("de")
    fields = {"language": "fr", "next": f"{SIGN_IN}?next=/account/password/"}
    shown = browser.post("/account/language/", fields, page=SIGN_IN)
    assert shown.address == SIGN_IN
    assert language_and_heading(shown) == ("fr", "Se connecter")
    cookie = browser.client.cookies["hearth_language"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")


def test_a_cookie_with_an_unknown_language_counts_for_nothing() -> None:
    browser = visitor("de")
    browser.client.cookies["hearth_language"] = "tlh"
    assert language_and_heading(browser.get(SIGN_IN)) == ("de", "Anmelden")


def test_an_unknown_language_cannot_be_chosen() -> None:
    browser = visitor()
    shown = browser.post("/account/language/", {"language": "tlh", "next": SIGN_IN}, page=SIGN_IN)
    assert "There is no such language" in shown.text
    assert "hearth_language" not in browser.client.cookies


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_choosing_never_leads_to_another_server(wanted: str) -> None:
    browser = visitor()
    shown = browser.post("/account/language/", {"language": "de", "next": wanted}, page=SIGN_IN)
    assert shown.address == SIGN_IN  # by way of the account's first page, which needs a session


def test_the_administration_offers_the_languages_and_marks_the_present_one() -> None:
    browser = visitor("de")
    browser.sign_in(make_account("owner", admin=True))
    shown = browser.get("/admin/users/", kind="all")
    assert shown.texts(".languages button") == ["English", "Deutsch", "Français"]
    assert shown.texts(".languages button[aria-current]") == ["Deutsch"]
    field = shown.html.css_first(".languages input[name=next]")
    assert field is not None
    assert field.attributes["value"] == "/admin/users/?kind=all"


def test_the_answer_to_a_form_cannot_be_left_by_another_language() -> None:
    browser = visitor("de")
    browser.sign_in(make_account("owner", admin=True))
    shown = browser.post("/admin/users/new/", {"name": "alice"})
    assert shown.texts("h1") == ["Das Konto ist angelegt"]  # with a password that is shown once
    assert not shown.html.css(".languages")


def test_a_refused_form_is_explained_in_the_visitors_language() -> None:
    browser = visitor("fr")
    response = browser.client.post(SIGN_IN, {"name": "a"})
    assert (response.status_code, Shown(response).texts("h1")) == (403, ["Veuillez réessayer"])


def test_settings_are_explained_in_the_visitors_language() -> None:
    browser = visitor("de")
    browser.sign_in(make_account("owner", admin=True))
    shown = browser.get("/admin/settings/mail/")
    assert "Absender" in shown.texts("label")
    assert any(
        text.startswith("Wie lange auf den Mailserver gewartet wird.") for text in shown.texts(".help")
    )


def test_errors_are_told_in_the_visitors_language() -> None:
    shown = visitor("de").post(SIGN_IN, {"name": "nobody", "password": "wrong"})
    assert "Benutzername oder Passwort stimmt nicht" in shown.texts(".notice.error")
