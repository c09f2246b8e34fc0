"""The pages on which apps are let in: asking, registering, and codes of devices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from admin_ui.sections.account.entry import ACTIONS as PAGES_OF_ACTIONS
from appliance.config.sections.accounts import Terms
from matrix_app.services import second_factor
from matrix_app.services.audit import CLI
from matrix_app.services.oauth import server_metadata
from matrix_app.services.page_sso import PAGE
from matrix_app.storage import accounts, audit, db, registration_tokens
from matrix_app.storage.accounts import Account
from tests.factories.accounts import PASSWORD, token_for
from tests.factories.browser import Browser, Shown, code_of
from tests.factories.client import Client
from tests.factories.oauth import REDIRECT_URI, OAuthApp, answer_of
from tests.factories.page_sessions import browser_of
from tests.factories.settings import settings
from tests.factories.visitor import get, post

pytestmark = pytest.mark.django_db(transaction=True)

NEW = {"name": "new.one", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture(autouse=True)
def _open() -> Iterator[None]:
    with settings(registration={"mode": "open"}):
        yield


@pytest.fixture
def app() -> OAuthApp:
    return OAuthApp("PHONE")


def decide(browser: Browser, address: str, answer: str = "allow") -> Any:
    """Press a button of the page; the answer itself, as nothing else is at the other end."""
    data = {"csrfmiddlewaretoken": browser.token(address), "answer": answer}
    return browser.client.post(address, data, headers={"referer": f"http://testserver{address}"})


def test_the_metadata_name_the_pages() -> None:
    assert reverse("account:authorize") == server_metadata.AUTHORIZE
    assert reverse("account:link") == server_metadata.LINK
    assert reverse("account:app") == PAGE
    assert reverse("account:home") == server_metadata.ACCOUNT
    assert set(server_metadata.ACTIONS) <= set(PAGES_OF_ACTIONS)


def test_whoever_has_signed_in_lets_an_app_in(person: Account, app: OAuthApp) -> None:
    visitor, address = Browser(), app.address()
    assert visitor.get(address).address == "/account/sign-in/"
    shown = visitor.post("/account/sign-in/", {"name": person.user_id, "password": PASSWORD, "next": address})
    assert shown.address == "/account/authorize/"
    told = " ".join(shown.texts("main"))
    for text in ("Pigeon", "example.com", "app.example.com", "PHONE", person.user_id):
        assert text in told
    answer = decide(visitor, address)
    assert answer.status_code == 303
    assert answer["Location"].startswith(f"{REDIRECT_URI}#")
    carried = answer_of(answer["Location"])
    assert carried["state"] == "a state & more"
    assert carried["iss"] == get("/_matrix/client/v1/auth_metadata").body["issuer"]
    tokens = app.exchange(carried["code"]).body
    assert get("/account/whoami", token=tokens["access_token"]).body["user_id"] == person.user_id
    entry = audit.page(before=None, limit=1)[0]
    assert (entry.action, entry.target) == ("account.allow_app", person.user_id)


def test_the_second_factor_comes_before_the_app(person: Account, app: OAuthApp) -> None:
    secret = second_factor.begin_totp(person.user_nid)
    second_factor.confirm_totp(person.user_nid, code_of(secret), CLI)
    visitor, address = Browser(), app.address()
    visitor.post("/account/sign-in/", {"name": person.user_id, "password": PASSWORD, "next": address})
    assert visitor.get(address).address == "/account/second-factor/"
    assert db.value("SELECT count(*) FROM oauth_code") == 0


def test_a_session_of_long_ago_has_to_prove_itself_anew(person: Account, app: OAuthApp) -> None:
    visitor = browser_of(person, "account", confirmed=False)
    assert visitor.get(app.address()).address == "/account/confirm/"
    fields = {"password": PASSWORD, "next": app.address()}
    assert visitor.post("/account/confirm/", fields).address == "/account/authorize/"


def test_answers_come_in_the_query_where_that_is_asked_for(browser: Browser) -> None:
    uri = f"{REDIRECT_URI}?page=1"
    app = OAuthApp(redirect_uris=[uri])
    address = app.address(redirect_uri=uri, response_mode="query", state="")
    answer = decide(browser, address)
    assert answer["Location"].startswith(f"{uri}&code=")
    assert "state" not in answer_of(answer["Location"])


@pytest.mark.parametrize(
    ("registered", "given_uri", "source"),
    [
        ("com.example.app:/callback", "com.example.app:/callback", "com.example.app:"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:4711/callback", "http://127.0.0.1:4711"),
        ("http://[::1]/callback", "http://[::1]:4711/callback", "http:"),
        (REDIRECT_URI, REDIRECT_URI, "https://example.com:* https://*.example.com:*"),
    ],
)
def test_forms_may_lead_to_the_app_alone(
    browser: Browser, registered: str, given_uri: str, source: str
) -> None:
    app = OAuthApp(redirect_uris=[registered], application_type="native")
    address = app.address(redirect_uri=given_uri, response_mode="query")
    policy = browser.get(address).headers["Content-Security-Policy"]
    assert f"form-action 'self' {source}; " in policy
    assert "frame-ancestors 'none'" in policy
    code = answer_of(decide(browser, address)["Location"])["code"]
    assert app.exchange(code, redirect_uri=given_uri).status == 200
    assert "form-action 'self';" in browser.get("/account/").headers["Content-Security-Policy"]


def test_somebody_may_say_no(browser: Browser, app: OAuthApp) -> None:
    carried = answer_of(decide(browser, app.address(), "deny")["Location"])
    assert (carried["error"], carried["state"]) == ("access_denied", "a state & more")
    assert db.value("SELECT count(*) FROM oauth_code") == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"redirect_uri": ""},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": f"{REDIRECT_URI}/"},
        {"redirect_uri": f"{REDIRECT_URI}?a=b"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "a" * 5000},
        {"redirect_uri": "\0"},
    ],
)
def test_nobody_is_led_to_an_address_that_is_not_the_apps(
    browser: Browser, app: OAuthApp, changed: dict[str, str]
) -> None:
    shown = browser.get(app.address(**changed))
    status = 404 if "client_id" in changed else 400
    assert shown.status == status
    assert shown.texts("h1") == ["This app cannot sign in"]
    assert shown.html.css_first("main a.button") is None
    assert decide_blindly(browser, app.address(**changed)).status_code == status


def decide_blindly(browser: Browser, address: str) -> Any:
    data = {"csrfmiddlewaretoken": browser.token("/account/"), "answer": "allow"}
    return browser.client.post(address, data, headers={"referer": "http://testserver/account/"})


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": ""}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"state": "s" * 3000}, "invalid_request"),
        ({"state": "a\0"}, "invalid_request"),
        ({"prompt": "none"}, "interaction_required"),
        ({"prompt": "unheard_of"}, "invalid_request"),
        ({"request_uri": "https://example.com/"}, "request_not_supported"),
    ],
)
def test_other_faults_are_shown_with_a_way_back(
    browser: Browser, app: OAuthApp, changed: dict[str, str], error: str
) -> None:
    """Nobody is sent there by a link alone: anybody may register an app."""
    for visitor in (browser, Browser()):
        shown = visitor.get(app.address(**changed))
        assert (shown.status, shown.address) == (400, "/account/authorize/")
        back = shown.href("main a.button")
        assert back.startswith(REDIRECT_URI)
        assert answer_of(back)["error"] == error
    assert decide_blindly(browser, app.address(**changed)).status_code == 400


def test_no_parameter_may_come_twice(browser: Browser, app: OAuthApp) -> None:
    for name in app.parameters():
        address = f"{app.address()}&{urlencode({name: 'x'})}"
        assert browser.get(address).status == 400, name


NAMES = st.sampled_from(
    [
        *("response_type", "client_id", "redirect_uri", "scope", "state", "response_mode"),
        *("code_challenge", "code_challenge_method", "prompt", "request", "nonce"),
    ]
)


@effort(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed=st.dictionaries(NAMES, st.text(max_size=40), min_size=1, max_size=3))
def test_any_parameters_are_asked_about_or_refused(changed: dict[str, str]) -> None:
    app = OAuthApp()
    given_texts = {name: value.encode("utf-8", "replace").decode() for name, value in changed.items()}
    answer = Browser().client.get(app.address(**given_texts))
    assert answer.status_code in (303, 400, 404)
    if answer.status_code == 303:
        assert urlsplit(answer["Location"]).netloc == ""


def test_a_known_device_is_told_of(person: Account, browser: Browser, app: OAuthApp) -> None:
    token_for(person, "PHONE")
    assert "You have this device already" in " ".join(browser.get(app.address()).texts(".notice"))


def test_a_device_that_cannot_be_is_refused_on_the_page(browser: Browser, app: OAuthApp) -> None:
    with settings(limits={"devices_per_user": 1}):
        OAuthApp("FIRST").sign_in(accounts_of(browser))
        assert decide(browser, app.address())["Location"].startswith("/account/authorize/")
    assert db.value("SELECT count(*) FROM oauth_code WHERE device_nid IS NULL") == 0


def accounts_of(_browser: Browser) -> Account:
    found = accounts.find("@pia:hearth.example")
    assert found is not None
    return found


def test_one_may_become_another_on_the_way(browser: Browser, app: OAuthApp) -> None:
    address = app.address()
    shown = browser.post("/account/sign-out/", {"next": address}, page=address)
    assert shown.address == "/account/sign-in/"
    found = shown.html.css_first("input[name=next]")
    assert found is not None
    assert found.attributes["value"] == address


def test_the_device_is_on_the_pages_and_ends_there(
    person: Account, browser: Browser, app: OAuthApp, phone: Client
) -> None:
    tokens = app.sign_in(person)
    assert "Pigeon" in browser.get("/account/").text
    listed = phone.get("/devices").body["devices"]
    assert "PHONE" in [one["device_id"] for one in listed]
    page = "/account/device/delete/?device_id=PHONE"
    assert "Pigeon (example.com)" in " ".join(browser.get(page).texts(".facts"))
    browser.post("/account/device/delete/", {"device_id": "PHONE"}, page=page)
    assert get("/account/whoami", token=tokens["access_token"]).errcode == "M_UNKNOWN_TOKEN"
    assert app.refresh(tokens["refresh_token"]).status == 400


def to_register(visitor: Browser, app: OAuthApp) -> Shown:
    return visitor.get(app.address(prompt="create"))


def register(visitor: Browser, app: OAuthApp, **fields: str) -> Shown:
    shown = to_register(visitor, app)
    onwards = shown.html.css_first("input[name=next]")
    assert onwards is not None
    given_fields = {**NEW, "next": onwards.attributes["value"], **fields}
    return visitor.post("/account/register/", given_fields)


def test_somebody_new_registers_on_the_way_to_an_app(app: OAuthApp) -> None:
    visitor = Browser()
    assert to_register(visitor, app).address == "/account/register/"
    shown = register(visitor, app)
    assert shown.address == "/account/authorize/"
    assert "@new.one:hearth.example" in " ".join(shown.texts("main"))
    assert "code" in answer_of(decide(visitor, app.address())["Location"])
    actions = [row.action for row in audit.page(before=None, limit=5)]
    assert "user.register" in actions


def test_registering_keeps_the_rules_of_the_server(app: OAuthApp) -> None:
    with db.write():
        registration_tokens.put("let-me-in", 1, None, 1)
    with settings(registration={"mode": "token"}):
        assert register(Browser(), app).status == 400
        assert register(Browser(), app, token="made-up").status == 400
        link = "https://hearth.example/account/join/let-me-in/"
        assert register(Browser(), app, token=link).address == "/account/authorize/"
        assert register(Browser(), app, name="another", token="let-me-in").status == 400
    with settings(registration={"mode": "open"}):
        assert register(Browser(), app).status == 400  # the name is taken
        assert register(Browser(), app, name="short", password="x", again="x").status == 400
    with settings(registration={"mode": "closed"}):
        shown = to_register(Browser(), app)
        assert shown.html.css_first("main form input[name=password]") is None
        answer = decide_blindly_to_register(Browser())
        assert answer.status_code == 400
    assert accounts.find("@forced:hearth.example") is None


def test_the_terms_are_agreed_to(app: OAuthApp) -> None:
    terms = Terms(version="7", name="House rules", url="https://example.org/")
    with settings(registration={"mode": "open", "terms": terms}):
        assert "House rules" in to_register(Browser(), app).text
        assert register(Browser(), app).status == 400
        assert register(Browser(), app, terms="on").address == "/account/authorize/"
    account = accounts.find("@new.one:hearth.example")
    assert account is not None
    sql = "SELECT terms_version FROM account WHERE user_nid = %s"
    assert db.value(sql, (account.user_nid,)) == "7"


def decide_blindly_to_register(visitor: Browser) -> Any:
    data = {**NEW, "name": "forced", "csrfmiddlewaretoken": visitor.token("/account/sign-in/")}
    return visitor.client.post(
        "/account/register/", data, headers={"referer": "http://testserver/account/sign-in/"}
    )


def test_registering_leads_nowhere_else(app: OAuthApp) -> None:
    visitor = Browser()
    visitor.get("/account/register/")
    shown = visitor.post("/account/register/", {**NEW, "next": "https://evil.example/"})
    assert shown.address == "/account/"


def test_a_code_of_a_device_is_typed_and_allowed(browser: Browser) -> None:
    app = OAuthApp("TELLY")
    begun = app.begin_device_grant()
    assert browser.get("/account/link/").status == 200
    address = "/account/link/?" + urlencode({"user_code": begun["user_code"].lower()})
    told = " ".join(browser.get(address).texts("main"))
    for text in ("Pigeon", "example.com", "TELLY", begun["user_code"]):
        assert text in told
    fields = {"user_code": begun["user_code"], "answer": "allow"}
    assert "go back to it" in browser.post("/account/link/", fields, page=address).message
    assert app.poll(begun["device_code"]).body["scope"].endswith("TELLY")
    assert browser.get(address).status == 404


def test_a_device_may_be_refused(browser: Browser) -> None:
    app = OAuthApp()
    begun = app.begin_device_grant()
    address = "/account/link/?" + urlencode({"user_code": begun["user_code"]})
    fields = {"user_code": begun["user_code"], "answer": "deny"}
    assert "not been let in" in browser.post("/account/link/", fields, page=address).message
    assert app.poll(begun["device_code"]).body["error"] == "access_denied"


def test_a_code_that_is_none_is_told_as_such(browser: Browser) -> None:
    for code in ("BBBB-BBBB", "\0", "x" * 500, "<script>"):
        shown = browser.get("/account/link/?" + urlencode({"user_code": code}))
        assert shown.status in (200, 404)
        assert shown.html.css_first("button[value=allow]") is None


def test_the_pages_are_away_while_it_is_off(browser: Browser, app: OAuthApp) -> None:
    with settings(oauth={"enabled": False}):
        for address in (app.address(), "/account/link/", "/account/register/"):
            assert browser.get(address).status == 404
        assert "/account/register/" not in Browser().get("/account/sign-in/").text
    assert "/account/register/" in Browser().get("/account/sign-in/").text


def test_the_sign_in_leads_to_registering_and_back(app: OAuthApp) -> None:
    shown = Browser().get(app.address())
    found = [link.attributes["href"] for link in shown.html.css("main a")]
    target = next(str(href) for href in found if str(href).startswith("/account/register/"))
    assert parse_qs(urlsplit(target).query)["next"] == [app.address()]


CLIENT = "https://older.example/?a=b#c"


def test_an_older_app_gets_a_token_for_one_login(person: Account, browser: Browser) -> None:
    address = f"{PAGE}?{urlencode({'redirectUrl': CLIENT})}"
    assert Browser().get(address).address == "/account/sign-in/"
    shown = browser.get(address)
    assert shown.texts("h1") == ["Sign in to older.example?"]
    assert "form-action 'self' https://older.example; " in shown.headers["Content-Security-Policy"]
    answer = decide(browser, address)
    assert answer.status_code == 303
    assert answer["Location"].startswith("https://older.example/?a=b&loginToken=")
    body = {"type": "m.login.token", "token": parse_qs(urlsplit(answer["Location"]).query)["loginToken"][0]}
    assert post("/login", body).body["user_id"] == person.user_id
    assert post("/login", body).status == 403
    assert audit.page(before=None, limit=1)[0].action == "account.allow_app"
    assert browser_of(person, "account", confirmed=False).get(address).address == "/account/confirm/"


def test_an_older_app_has_its_user_register_too() -> None:
    visitor = Browser()
    shown = visitor.get(PAGE, redirectUrl="io.older:/back", action="register")
    assert shown.address == "/account/register/"
    onwards = shown.html.css_first("input[name=next]")
    assert onwards is not None
    told = visitor.post("/account/register/", {**NEW, "next": onwards.attributes["value"]})
    assert told.texts("h1") == ["Sign in to io.older:?"]


def test_older_apps_are_let_in_nowhere_strange(browser: Browser) -> None:
    long = "https://x/" + "x" * 3000
    for strange in ("", "javascript:alert(1)", "data:x", "https://u@x/", "https://x;script-src *", long):
        assert browser.get(PAGE, redirectUrl=strange).status == 400
    with settings(oauth={"enabled": False}):
        assert browser.get(PAGE, redirectUrl=CLIENT).status == 404
