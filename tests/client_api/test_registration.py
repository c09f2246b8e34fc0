"""POST /register and what belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from matrix_app.http import rate_limit
from matrix_app.storage import accounts, db
from tests.factories.http_service import http_service
from tests.factories.settings import settings
from tests.factories.visitor import Reply, get, post

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a horse, a battery and a staple"
DUMMY = {"type": "m.login.dummy"}


@pytest.fixture(autouse=True)
def _open() -> Iterator[None]:
    with settings(registration={"mode": "open", "guests": True}):
        yield


def register(username: str | None = None, **extra: Any) -> Reply:
    body = {"password": PASSWORD, "auth": DUMMY, **extra}
    return post("/register", body if username is None else {"username": username, **body})


def put_registration_token(token: str, uses: int | None = None) -> None:
    with db.write():
        db.execute(
            "INSERT INTO registration_token (token, uses_allowed, pending, completed, created_ts)"
            " VALUES (%s, %s, 0, 0, 0)",
            (token, uses),
        )


def test_a_request_without_auth_is_told_what_to_do() -> None:
    reply = post("/register")
    assert reply.status == 401
    assert reply.body["flows"] == [{"stages": ["m.login.dummy"]}]
    assert reply.body["session"]
    assert "errcode" not in reply.body


def test_a_new_user_is_signed_in() -> None:
    body = register("alice", device_id="PHONE", initial_device_display_name="Phone").body
    assert body["user_id"] == "@alice:hearth.example"
    assert body["device_id"] == "PHONE"
    assert get("/account/whoami", token=body["access_token"]).body["user_id"] == body["user_id"]
    device = get("/devices/PHONE", token=body["access_token"]).body
    assert device["display_name"] == "Phone"


def test_names_are_lower_case() -> None:
    assert register("Alice").body["user_id"] == "@alice:hearth.example"


def test_who_gives_no_name_gets_one() -> None:
    assert register().body["user_id"] != register().body["user_id"]


@pytest.mark.parametrize("name", ["", "a b", "a:b", "é", 'a"', "a\n", "a" * 250])
def test_a_name_outside_of_the_grammar_is_refused_before_authentication(name: str) -> None:
    assert post("/register", {"username": name}).errcode == "M_INVALID_USERNAME"


def test_a_name_is_given_once() -> None:
    register("alice")
    assert post("/register", {"username": "Alice"}).errcode == "M_USER_IN_USE"
    assert get("/register/available?username=alice").errcode == "M_USER_IN_USE"
    assert get("/register/available?username=bob").body == {"available": True}
    assert get("/register/available?username=b%C3%B6b").errcode == "M_INVALID_USERNAME"
    assert get("/register/available").errcode == "M_MISSING_PARAM"


def test_a_session_remembers_what_was_asked_for() -> None:
    session = post("/register", {"username": "alice", "password": PASSWORD, "device_id": "X"}).body["session"]
    reply = post("/register", {"auth": {**DUMMY, "session": session}})
    assert (reply.body["user_id"], reply.body["device_id"]) == ("@alice:hearth.example", "X")


def test_a_session_keeps_no_password() -> None:
    post("/register", {"username": "alice", "password": PASSWORD})
    assert PASSWORD not in str(db.rows("SELECT request FROM uia_session"))


def test_a_repeated_registration_answers_for_the_same_user() -> None:
    session = post("/register", {"password": PASSWORD}).body["session"]
    auth = {**DUMMY, "session": session}
    first, second = register(auth=auth), register(auth=auth)
    assert first.body["user_id"] == second.body["user_id"]
    assert first.body["access_token"] != second.body["access_token"]


def test_who_does_not_want_to_be_signed_in_is_not() -> None:
    body = register("alice", inhibit_login=True).body
    assert "access_token" not in body
    assert "device_id" not in body


def test_a_weak_password_is_refused() -> None:
    assert register("alice", password="short").errcode == "M_WEAK_PASSWORD"


def test_a_password_may_have_any_characters() -> None:
    register("alice", password="übersicher ☂")
    identifier = {"type": "m.id.user", "user": "alice"}
    # The same characters as another system encodes them: u and a combining diaeresis.
    for password in ("übersicher ☂", "u\u0308bersicher ☂"):
        body = {"type": "m.login.password", "identifier": identifier, "password": password}
        assert post("/login", body).status == 200


def test_closed_registration_refuses_everybody() -> None:
    with settings(registration={"mode": "closed"}):
        assert post("/register").errcode == "M_FORBIDDEN"
        assert get("/_matrix/client/v1/register/m.login.registration_token/validity?token=x").status == 403


def test_a_registration_token_lets_as_many_register_as_it_says() -> None:
    put_registration_token("sesame", uses=1)
    validity = "/_matrix/client/v1/register/m.login.registration_token/validity?token="
    with settings(registration={"mode": "token"}):
        assert post("/register").body["flows"] == [{"stages": ["m.login.registration_token"]}]
        assert get(validity + "sesame").body == {"valid": True}
        assert get(validity + "other").body == {"valid": False}
        wrong = register("bob", auth={"type": "m.login.registration_token", "token": "other"})
        assert (wrong.status, wrong.errcode) == (401, "M_UNAUTHORIZED")
        right = {"type": "m.login.registration_token", "token": "sesame"}
        assert register("bob", auth=right).status == 200
        assert register("carol", auth=right).status == 401
        assert get(validity + "sesame").body == {"valid": False}
    assert db.row("SELECT pending, completed FROM registration_token") == (0, 1)


def test_terms_must_be_agreed_to_and_stages_come_in_order() -> None:
    put_registration_token("sesame")
    from appliance.config.sections.accounts import Terms

    terms = Terms(version="3", name="Rules", url="https://example.org/rules")
    with settings(registration={"mode": "token", "terms": terms}):
        first = post("/register", {"username": "alice", "password": PASSWORD}).body
        assert first["flows"] == [{"stages": ["m.login.terms", "m.login.registration_token"]}]
        policy = first["params"]["m.login.terms"]["policies"]["terms_of_service"]
        assert policy == {"version": "3", "en": {"name": "Rules", "url": "https://example.org/rules"}}
        token = {"type": "m.login.registration_token", "token": "sesame", "session": first["session"]}
        early = post("/register", {"auth": token})
        assert (early.status, early.errcode, early.body["completed"]) == (401, "M_FORBIDDEN", [])
        agreed = post("/register", {"auth": {"type": "m.login.terms", "session": first["session"]}})
        assert (agreed.status, agreed.body["completed"]) == (401, ["m.login.terms"])
        assert post("/register", {"auth": token}).body["user_id"] == "@alice:hearth.example"
    assert db.value("SELECT terms_version FROM account") == "3"


def test_a_captcha_is_verified_where_it_is_configured() -> None:
    with http_service(b'{"success": true}') as captcha:
        keys = {"required": True, "public_key": "p", "private_key": "s", "verify_url": captcha.address + "/v"}
        with settings(captcha=keys):
            assert post("/register").body["params"]["m.login.recaptcha"] == {"public_key": "p"}
            solved = {"type": "m.login.recaptcha", "response": "answer"}
            captcha.answer = b'{"success": false}'
            assert register("alice", auth=solved).errcode == "M_CAPTCHA_INVALID"
            captcha.answer = b'{"success": true}'
            assert register("alice", auth=solved).status == 200
    assert b"secret=s&response=answer&remoteip=192.0.2.1" in captcha.asked[0].body


def test_a_guest_has_no_choice_of_name_or_device() -> None:
    body = {"username": "alice", "device_id": "X", "initial_device_display_name": "Browser"}
    guest = post("/register?kind=guest", body).body
    assert guest["user_id"] != "@alice:hearth.example"
    assert guest["device_id"] != "X"
    assert get("/account/whoami", token=guest["access_token"]).body["is_guest"] is True
    assert get("/account/3pid", token=guest["access_token"]).errcode == "M_GUEST_ACCESS_FORBIDDEN"


def test_of_what_a_guest_sends_only_the_name_of_the_device_counts() -> None:
    body = {"username": 5, "device_id": [], "auth": "x", "inhibit_login": True, "type": {}}
    guest = post("/register?kind=guest", {**body, "initial_device_display_name": "Phone"})
    assert (guest.status, bool(guest.body["access_token"])) == (200, True)
    device = get(f"/devices/{guest.body['device_id']}", token=guest.body["access_token"]).body
    assert device["display_name"] == "Phone"


def test_guests_can_be_switched_off() -> None:
    with settings(registration={"guests": False}):
        assert post("/register?kind=guest").status == 403


def test_a_guest_becomes_a_user_of_the_same_name() -> None:
    guest = post("/register?kind=guest").body
    localpart = guest["user_id"][1:].partition(":")[0]
    token = guest["access_token"]
    assert register("another", guest_access_token=token).errcode == "M_INVALID_PARAM"
    assert register(localpart, guest_access_token="nonsense").errcode == "M_FORBIDDEN"
    upgraded = register(localpart, guest_access_token=token)
    assert upgraded.body["user_id"] == guest["user_id"]
    account = accounts.find(guest["user_id"])
    assert account is not None
    assert (account.is_guest, account.password_hash is not None) == (False, True)


def test_registrations_from_one_address_are_limited() -> None:
    with settings(rate_limits={"enabled": True}):
        rate_limit.reset()
        statuses = [post("/register").status for _ in range(12)]
    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_a_user_without_a_password_could_not_come_back_and_is_not_made() -> None:
    assert register("alice", password=None).errcode == "M_MISSING_PARAM"
    assert accounts.find("@alice:hearth.example") is None


def test_there_are_two_kinds_of_users() -> None:
    assert post("/register?kind=robot", {"auth": DUMMY}).errcode == "M_INVALID_PARAM"


def test_unusable_sessions_are_refused() -> None:
    assert register("alice", auth={**DUMMY, "session": "nonsense"}).status == 400
    assert register("alice", auth={"type": 1}).errcode == "M_BAD_JSON"
    assert register("alice", auth={"type": "m.unknown"}).errcode == "M_UNRECOGNIZED"
    assert register("alice", auth="x").errcode == "M_BAD_JSON"
    assert accounts.find("@alice:hearth.example") is None
