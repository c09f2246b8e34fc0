"""Signing in by a CAS server, and confirming by it who one is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from matrix_app.services.cas import parse_answer, with_login_token
from matrix_app.storage import accounts, db
from tests.factories.accounts import make_account, token_for
from tests.factories.http_service import HttpService, http_service
from tests.factories.settings import settings
from tests.factories.visitor import Reply, ask, get, post

pytestmark = pytest.mark.django_db(transaction=True)
CLIENT = "https://client.example.org?p=http%3A%2F%2Fserver"


def success(name: str) -> bytes:
    return (
        "<cas:serviceResponse xmlns:cas='http://www.yale.edu/tp/cas'><cas:authenticationSuccess>"
        f"<cas:user>{name}</cas:user><cas:attributes/></cas:authenticationSuccess></cas:serviceResponse>"
    ).encode()


@pytest.fixture
def cas() -> Iterator[HttpService]:
    with http_service(success("alice")) as service, settings(cas={"server_url": service.address + "/cas"}):
        yield service


def ticket(**state: str) -> Reply:
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in state.items())
    return get(f"/login/cas/ticket?ticket=golden&{query}")


def login_token(reply: Reply) -> str:
    found = re.search(r'loginToken=([^"&]+)', reply.text)
    assert found is not None, reply.text
    return found[1]


def test_without_a_cas_server_there_is_no_single_sign_on() -> None:
    with settings(oauth={"enabled": False}):
        assert get("/login/sso/redirect?redirectUrl=https://x").status == 404
    assert get("/login/cas/redirect?redirectUrl=https://x").status == 404
    assert get("/login/sso/redirect/github?redirectUrl=https://x").body["errcode"] == "M_NOT_FOUND"
    assert ticket(redirectUrl=CLIENT).status == 404


@pytest.mark.parametrize("action", ["", "login", "register"])
def test_without_a_cas_server_the_pages_of_the_account_are_the_single_sign_on(action: str) -> None:
    flows = get("/login").body["flows"]
    assert {"type": "m.login.sso", "oauth_aware_preferred": True} in flows
    assert {"type": "m.login.password"} in flows
    sent = get(f"/login/sso/redirect?redirectUrl={quote(CLIENT, safe='')}&action={action}")
    address = urlsplit(sent.headers["Location"])
    assert (sent.status, address.path) == (302, "/account/app/")
    carried = {"redirectUrl": [CLIENT]} | ({"action": ["register"]} if action == "register" else {})
    assert parse_qs(address.query) == carried


def test_where_it_is_off_or_a_cas_server_signs_people_in_the_pages_are_not(cas: HttpService) -> None:
    assert {"type": "m.login.sso"} in get("/login").body["flows"]
    with settings(oauth={"enabled": False}, cas={"server_url": ""}):
        assert "m.login.sso" not in {flow["type"] for flow in get("/login").body["flows"]}


STRANGE = ["javascript:alert(1)", "data:text/html,x", "nothing", "//x"]
STRANGE += ["https://u:p@x/", "https://x\\@y/", "https://[/", "https://x y/"]


@pytest.mark.parametrize("address", STRANGE)
def test_the_pages_lead_to_no_strange_addresses(address: str) -> None:
    assert get(f"/login/sso/redirect?redirectUrl={quote(address, safe='')}").errcode == "M_INVALID_PARAM"


def test_the_browser_is_sent_to_the_cas_server_and_back(cas: HttpService) -> None:
    types = {flow["type"] for flow in get("/login").body["flows"]}
    assert {"m.login.sso", "m.login.cas"} <= types
    sent = get(f"/login/sso/redirect?redirectUrl={quote(CLIENT, safe='')}")
    assert sent.status == 302
    address = urlsplit(sent.headers["Location"])
    assert address.path == "/cas/login"
    service = parse_qs(address.query)["service"][0]
    assert parse_qs(urlsplit(service).query)["redirectUrl"] == [CLIENT]
    shown = ticket(redirectUrl=CLIENT)
    assert "client.example.org" in shown.text
    assert parse_qs(urlsplit(cas.asked[0].path).query)["service"] == [service]
    body = {"type": "m.login.token", "token": login_token(shown)}
    assert post("/login", body).body["user_id"] == "@alice:hearth.example"


def test_a_user_of_the_cas_server_has_one_account(cas: HttpService) -> None:
    cas.answer = success("Alice Müller!")
    first, second = ticket(redirectUrl=CLIENT), ticket(redirectUrl=CLIENT)
    users = {
        post("/login", {"type": "m.login.token", "token": login_token(reply)}).body["user_id"]
        for reply in (first, second)
    }
    assert users == {"@alice=20m=c3=bcller=21:hearth.example"}


def test_a_ticket_that_the_cas_server_refuses_is_worth_nothing(cas: HttpService) -> None:
    cas.answer = b"<cas:serviceResponse xmlns:cas='http://www.yale.edu/tp/cas'/>"
    assert ticket(redirectUrl=CLIENT).status == 403
    cas.answer = b"not XML"
    assert ticket(redirectUrl=CLIENT).status == 403
    assert db.value("SELECT count(*) FROM one_time_token") == 0


def test_a_deactivated_user_cannot_sign_in(cas: HttpService) -> None:
    account = make_account("alice")
    accounts.deactivate(account.user_nid, 1, erase=False)
    assert ticket(redirectUrl=CLIENT).status == 403


def test_scripts_are_no_addresses_to_be_sent_to(cas: HttpService) -> None:
    assert get("/login/sso/redirect?redirectUrl=javascript:alert(1)").status == 400
    assert get("/login/sso/redirect").errcode == "M_MISSING_PARAM"
    assert ticket(redirectUrl="javascript:alert(1)").status == 400
    assert get("/login/cas/ticket").status == 400


def test_signing_in_again_confirms_who_one_is(cas: HttpService) -> None:
    account = make_account("alice")
    token_for(account, "OLD")
    token = token_for(account)
    challenge = ask("DELETE", "/devices/OLD", token=token).body
    assert {"stages": ["m.login.sso"]} in challenge["flows"]
    session = challenge["session"]
    page = get(f"/auth/m.login.sso/fallback/web?session={session}")
    assert "/cas/login?service=" in page.text
    early = ask("DELETE", "/devices/OLD", {"auth": {"session": session}}, token=token)
    assert early.status == 401
    assert "window.onAuthDone" in ticket(session=session).text
    assert ask("DELETE", "/devices/OLD", {"auth": {"session": session}}, token=token).status == 200


def test_signing_in_as_somebody_else_confirms_nothing(cas: HttpService) -> None:
    account = make_account("bob")
    token_for(account, "OLD")
    token = token_for(account)
    session = ask("DELETE", "/devices/OLD", token=token).body["session"]
    assert ticket(session=session).status == 200
    refused = ask("DELETE", "/devices/OLD", {"auth": {"session": session}}, token=token)
    assert (refused.status, refused.errcode) == (403, "M_FORBIDDEN")
    assert ticket(session="nonsense").status == 404


def test_only_the_name_of_a_success_is_read() -> None:
    assert parse_answer(success("alice")) == "alice"
    failure = (
        b"<c:serviceResponse xmlns:c='http://www.yale.edu/tp/cas'><c:user>x</c:user></c:serviceResponse>"
    )
    assert parse_answer(failure) is None
    assert parse_answer(success("alice").replace(b"http://www.yale.edu", b"http://evil.example")) is None
    bomb = b'<!DOCTYPE x [<!ENTITY a "alice">]>' + success("&a;")
    assert parse_answer(bomb) is None


def test_a_login_token_takes_the_place_of_an_older_one() -> None:
    assert with_login_token("https://c/?a=1&loginToken=old#f", "new") == "https://c/?a=1&loginToken=new#f"
    assert with_login_token("app://", "t") == "app://?loginToken=t"
