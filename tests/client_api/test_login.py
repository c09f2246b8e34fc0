"""Logging in, refreshing tokens and logging out."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.http import rate_limit
from matrix_app.services.create_account import create_account
from matrix_app.services.create_session import create_session
from matrix_app.services.deactivate import deactivate
from matrix_app.services.delete_devices import delete_devices
from matrix_app.storage import accounts, db, devices
from matrix_app.storage.clock import now_ms
from tests.factories.accounts import PASSWORD, log_in, make_account, password_stage, token_for
from tests.factories.settings import settings
from tests.factories.visitor import get, post

pytestmark = pytest.mark.django_db(transaction=True)


def by(identifier: dict[str, Any] | None = None, **extra: Any) -> Any:
    body = {"type": "m.login.password", "password": PASSWORD, **extra}
    return post("/login", body if identifier is None else {**body, "identifier": identifier})


def test_a_password_can_be_used_with_every_identifier() -> None:
    make_account("alice", email="alice@example.org")
    for user in ("alice", "@alice:hearth.example", "Alice"):
        assert by({"type": "m.id.user", "user": user}).body["user_id"] == "@alice:hearth.example"
        assert by(user=user).status == 200
    address: dict[str, Any] = {"medium": "email", "address": "Alice@Example.org"}
    assert by({"type": "m.id.thirdparty", **address}).status == 200
    assert by(address).status == 200
    assert by(**address).status == 200


def test_wrong_passwords_and_unknown_users_are_told_the_same() -> None:
    make_account("alice")
    wrong = by({"type": "m.id.user", "user": "alice"}, password="wrong")
    unknown = by({"type": "m.id.user", "user": "nobody"})
    elsewhere = by({"type": "m.id.user", "user": "@alice:elsewhere.example"})
    no_address = by({"type": "m.id.thirdparty", "medium": "email", "address": "x@example.org"})
    assert {(reply.status, reply.text) for reply in (wrong, unknown, elsewhere, no_address)} == {
        (403, wrong.text)
    }
    assert wrong.errcode == "M_FORBIDDEN"


def test_malformed_logins_are_refused() -> None:
    make_account("alice")
    assert post("/login", {}).errcode == "M_MISSING_PARAM"
    assert post("/login", {"type": "m.login.unheard_of"}).status == 400
    assert by({"type": "m.id.strange"}).status == 400
    assert by({"type": "m.id.user"}).errcode == "M_MISSING_PARAM"
    assert by({"type": "m.id.user", "user": 5}).errcode == "M_BAD_JSON"
    assert by({"type": "m.id.user", "user": "alice"}, device_id="\0").errcode == "M_INVALID_PARAM"
    assert by({"type": "m.id.user", "user": "a\0"}).errcode == "M_INVALID_PARAM"
    assert post("/login", {"type": "m.login.token"}).errcode == "M_MISSING_PARAM"


def test_a_login_to_a_known_device_ends_its_tokens_and_keeps_its_name() -> None:
    account = make_account()
    first = log_in(account, device_id="PHONE", initial_device_display_name="Old").body["access_token"]
    second = log_in(account, device_id="PHONE", initial_device_display_name="New").body["access_token"]
    assert get("/account/whoami", token=first).errcode == "M_UNKNOWN_TOKEN"
    assert get("/devices/PHONE", token=second).body["display_name"] == "Old"


def test_a_device_cannot_be_called_like_a_cross_signing_key() -> None:
    account = make_account()
    with db.write():
        sql = "INSERT INTO cross_signing_key (user_nid, usage, key) VALUES (%s, %s, %s)"
        db.execute(sql, (account.user_nid, "master", b'{"keys": {"ed25519:KEYID": "KEYID"}}'))
    assert log_in(account, device_id="KEYID").errcode == "M_FORBIDDEN"
    assert log_in(account, device_id="OTHER").status == 200


def test_the_devices_of_a_user_are_limited() -> None:
    account = make_account()
    with settings(limits={"devices_per_user": 1}):
        token_for(account, "ONE")
        refused = log_in(account, device_id="TWO")
        assert (refused.status, refused.errcode) == (403, "M_USER_LIMIT_EXCEEDED")
        assert refused.body["info_uri"].endswith("/account/?action=org.matrix.devices_list")
        assert log_in(account, device_id="ONE").status == 200


def test_logging_out_ends_the_device() -> None:
    account = make_account()
    token, other = token_for(account, "ONE"), token_for(account, "TWO")
    assert post("/logout", token=token).body == {}
    assert get("/account/whoami", token=token).errcode == "M_UNKNOWN_TOKEN"
    assert [device.device_id for device in devices.of_user(account.user_nid)] == ["TWO"]
    assert post("/logout/all", token=other).body == {}
    assert get("/account/whoami", token=other).errcode == "M_UNKNOWN_TOKEN"
    assert devices.of_user(account.user_nid) == []


def test_the_dehydrated_device_outlives_the_last_session() -> None:
    account = make_account()
    token = token_for(account, "PHONE")
    token_for(account, "ASLEEP")
    with db.write():
        db.execute(
            "INSERT INTO dehydrated_device (user_nid, device_nid, device_data)"
            " SELECT user_nid, nid, %s FROM device WHERE device_id = 'ASLEEP'",
            (b"{}",),
        )
    assert post("/logout/all", token=token).status == 200
    assert [device.device_id for device in devices.of_user(account.user_nid)] == ["ASLEEP"]
    deactivate(account.user_id, account.user_nid, erase=False)
    assert devices.of_user(account.user_nid) == []


def test_a_deactivated_or_locked_account_cannot_be_signed_in_to() -> None:
    account = make_account()
    accounts.set_locked(account.user_nid, now_ms())
    assert log_in(account).errcode == "M_USER_LOCKED"
    db.execute("UPDATE account SET deactivated_ts = 1")
    assert log_in(account).errcode == "M_USER_DEACTIVATED"


def test_guessing_is_slowed_down_and_right_passwords_are_not() -> None:
    account = make_account()
    wrong = {"type": "m.login.password", "user": account.user_id, "password": "wrong"}
    with settings(rate_limits={"enabled": True}):
        rate_limit.reset()
        assert [post("/login", wrong).status for _ in range(11)][-1] == 429
        rate_limit.reset()
        token = token_for(account)
        rate_limit.reset()
        # Enough right passwords in a row, each of a request that has a limit of its own.
        body = {"auth": password_stage(account), "devices": []}
        assert {post("/delete_devices", body, token=token).status for _ in range(15)} == {200}


def test_refreshed_tokens_replace_the_old_ones_once_they_are_used() -> None:
    account = make_account()
    session = log_in(account, refresh_token=True).body
    assert session["expires_in_ms"] == 3_600_000
    fresh = post("/refresh", {"refresh_token": session["refresh_token"]}).body
    # Until the new tokens are used, a client that never got them may ask again.
    again = post("/refresh", {"refresh_token": session["refresh_token"]}).body
    assert get("/account/whoami", token=fresh["access_token"]).status == 401
    assert get("/account/whoami", token=session["access_token"]).status == 200
    assert get("/account/whoami", token=again["access_token"]).body["device_id"] == session["device_id"]
    assert get("/account/whoami", token=session["access_token"]).status == 401
    assert post("/refresh", {"refresh_token": session["refresh_token"]}).errcode == "M_UNKNOWN_TOKEN"
    newest = post("/refresh", {"refresh_token": again["refresh_token"]})
    assert newest.status == 200


def test_the_use_of_a_refresh_token_ends_the_one_before() -> None:
    session = log_in(make_account(), refresh_token=True).body
    second = post("/refresh", {"refresh_token": session["refresh_token"]}).body
    third = post("/refresh", {"refresh_token": second["refresh_token"]}).body
    assert post("/refresh", {"refresh_token": session["refresh_token"]}).status == 401
    assert get("/account/whoami", token=session["access_token"]).status == 401
    assert get("/account/whoami", token=third["access_token"]).status == 200


def test_an_expired_token_is_a_soft_logout() -> None:
    session = log_in(make_account(), refresh_token=True).body
    db.execute("UPDATE access_token SET expires_ts = 1")
    reply = get("/account/whoami", token=session["access_token"])
    assert (reply.errcode, reply.body["soft_logout"]) == ("M_UNKNOWN_TOKEN", True)
    assert post("/refresh", {"refresh_token": session["refresh_token"]}).status == 200


def test_refresh_tokens_end_with_their_device() -> None:
    account = make_account()
    session = log_in(account, refresh_token=True).body
    delete_devices(account.user_nid, [session["device_id"]])
    assert post("/refresh", {"refresh_token": session["refresh_token"]}).errcode == "M_UNKNOWN_TOKEN"
    assert post("/refresh", {}).errcode == "M_MISSING_PARAM"


def test_a_login_token_is_made_after_authentication_and_used_once() -> None:
    account = make_account()
    token = token_for(account)
    assert post("/_matrix/client/v1/login/get_token", token=token).status == 401
    made = post("/_matrix/client/v1/login/get_token", {"auth": password_stage(account)}, token=token).body
    assert made["expires_in_ms"] == 120_000
    login = {"type": "m.login.token", "token": made["login_token"]}
    assert post("/login", login).body["user_id"] == account.user_id
    assert post("/login", login).errcode == "M_FORBIDDEN"


def test_who_has_no_way_to_authenticate_anew_is_told_that_there_are_no_login_tokens_for_them() -> None:
    account = create_account("nobody")
    token = create_session(account.user_id, account.user_nid).access_token
    refused = post("/_matrix/client/v1/login/get_token", token=token)
    assert (refused.status, refused.errcode) == (400, "M_UNKNOWN")
    assert get("/capabilities", token=token).body["capabilities"]["m.get_login_token"] == {"enabled": False}


def test_every_login_token_needs_an_authentication_of_its_own() -> None:
    account = make_account()
    token = token_for(account)
    path = "/_matrix/client/v1/login/get_token"
    session = post(path, token=token).body["session"]
    auth = password_stage(account, session=session)
    assert post(path, {"auth": auth}, token=token).status == 200
    assert post(path, {"auth": {"session": session}}, token=token).status == 400


def test_an_expired_login_token_is_worth_nothing() -> None:
    account = make_account()
    path = "/_matrix/client/v1/login/get_token"
    made = post(path, {"auth": password_stage(account)}, token=token_for(account)).body
    db.execute("UPDATE one_time_token SET expires_ts = 1")
    assert post("/login", {"type": "m.login.token", "token": made["login_token"]}).status == 403


def test_the_login_flows_are_those_that_work() -> None:
    flows = get("/login").body["flows"]
    assert {"type": "m.login.password"} in flows
    assert {"type": "m.login.token", "get_login_token": True} in flows
    assert {"type": "m.login.sso", "oauth_aware_preferred": True} in flows
    assert "m.login.cas" not in {flow["type"] for flow in flows}


def test_there_is_a_page_to_log_in_on() -> None:
    reply = get("/_matrix/static/client/login/")
    assert reply.headers["Content-Type"].startswith("text/html")
    assert "window.matrixLogin.onLogin" in reply.text
