"""Server administration: whois, locking, suspending."""

from __future__ import annotations

import pytest

from tests.factories.accounts import log_in, make_account, token_for
from tests.factories.visitor import ask, get, post

pytestmark = pytest.mark.django_db(transaction=True)
LOCK = "/_matrix/client/v1/admin/lock/"
SUSPEND = "/_matrix/client/v1/admin/suspend/"


def test_users_see_their_own_connections_and_administrators_those_of_all() -> None:
    alice, admin = make_account(), make_account(admin=True)
    token = token_for(alice, "PHONE")
    mine = get(f"/admin/whois/{alice.user_id}", token=token).body
    (connection,) = mine["devices"]["PHONE"]["sessions"][0]["connections"]
    assert connection["ip"] == "192.0.2.1"
    assert connection["last_seen"] > 0
    assert get(f"/admin/whois/{admin.user_id}", token=token).errcode == "M_FORBIDDEN"
    assert get(f"/admin/whois/{alice.user_id}", token=token_for(admin)).body["user_id"] == alice.user_id
    assert get("/admin/whois/@nobody:hearth.example", token=token_for(admin)).errcode == "M_NOT_FOUND"
    assert get("/admin/whois/nobody", token=token_for(admin)).errcode == "M_INVALID_PARAM"


def test_a_locked_user_can_only_sign_out() -> None:
    alice, admin = make_account(), make_account(admin=True)
    token, by_admin = token_for(alice), token_for(admin)
    assert get(LOCK + alice.user_id, token=by_admin).body == {"locked": False}
    assert ask("PUT", LOCK + alice.user_id, {"locked": True}, token=by_admin).body == {"locked": True}
    assert get(LOCK + alice.user_id, token=by_admin).body == {"locked": True}
    refused = get("/account/whoami", token=token)
    assert (refused.status, refused.errcode, refused.body["soft_logout"]) == (401, "M_USER_LOCKED", True)
    assert log_in(alice).errcode == "M_USER_LOCKED"
    assert ask("PUT", LOCK + alice.user_id, {"locked": False}, token=by_admin).status == 200
    assert get("/account/whoami", token=token).status == 200
    ask("PUT", LOCK + alice.user_id, {"locked": True}, token=by_admin)
    assert post("/logout", token=token).status == 200


def test_a_locked_user_gets_no_new_tokens() -> None:
    alice, admin = make_account(), make_account(admin=True)
    session = log_in(alice, refresh_token=True).body
    ask("PUT", LOCK + alice.user_id, {"locked": True}, token=token_for(admin))
    assert post("/refresh", {"refresh_token": session["refresh_token"]}).errcode == "M_USER_LOCKED"


def test_a_suspended_user_can_read_and_not_write() -> None:
    alice, admin = make_account(), make_account(admin=True)
    token, by_admin = token_for(alice), token_for(admin)
    assert ask("PUT", SUSPEND + alice.user_id, {"suspended": True}, token=by_admin).body == {
        "suspended": True
    }
    assert get(SUSPEND + alice.user_id, token=by_admin).body == {"suspended": True}
    assert get("/account/whoami", token=token).status == 200
    assert log_in(alice).status == 200
    assert post("/createRoom", token=token).errcode == "M_USER_SUSPENDED"
    body = {"medium": "email", "address": "a@example.org"}
    assert post("/account/3pid/delete", body, token=token).errcode == "M_USER_SUSPENDED"
    ask("PUT", SUSPEND + alice.user_id, {"suspended": False}, token=by_admin)
    assert post("/createRoom", token=token).status == 200


@pytest.mark.parametrize(("path", "key"), [(LOCK, "locked"), (SUSPEND, "suspended")])
def test_moderation_is_refused_where_the_specification_says_so(path: str, key: str) -> None:
    alice, admin, other = make_account(), make_account(admin=True), make_account(admin=True)
    by_user, by_admin = token_for(alice), token_for(admin)
    body = {key: True}
    # Whether there is such a user is not told to those who may not know.
    for user_id in (alice.user_id, "@nobody:hearth.example", "@bob:elsewhere.example"):
        assert get(path + user_id, token=by_user).errcode == "M_FORBIDDEN"
        assert ask("PUT", path + user_id, body, token=by_user).errcode == "M_FORBIDDEN"
    for user_id, errcode in (
        ("@nobody:hearth.example", "M_NOT_FOUND"),
        ("@bob:elsewhere.example", "M_INVALID_PARAM"),
        ("nobody", "M_INVALID_PARAM"),
        (other.user_id, "M_FORBIDDEN"),
    ):
        assert get(path + user_id, token=by_admin).errcode == errcode
        assert ask("PUT", path + user_id, body, token=by_admin).errcode == errcode
    assert ask("PUT", path + admin.user_id, body, token=by_admin).errcode == "M_FORBIDDEN"
    assert ask("PUT", path + alice.user_id, {}, token=by_admin).errcode == "M_MISSING_PARAM"
    assert ask("PUT", path + alice.user_id, {key: "yes"}, token=by_admin).errcode == "M_BAD_JSON"
