"""Changing passwords, and the end of an account."""

from __future__ import annotations

import pytest

from matrix_app.services.deactivate import leave_late_rooms
from matrix_app.services.delete_devices import delete_all_devices
from matrix_app.storage import accounts, db, interning, members, rooms
from matrix_app.storage.members import Membership
from tests.factories.accounts import PASSWORD, log_in, make_account, password_stage, token_for
from tests.factories.client import ClientFactory
from tests.factories.settings import settings
from tests.factories.tasks import run_tasks
from tests.factories.visitor import get, post

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "a new and better password"


def test_a_new_password_replaces_the_old_one_and_ends_other_sessions() -> None:
    account = make_account()
    token, other = token_for(account), token_for(account)
    body = {"new_password": NEW, "auth": password_stage(account)}
    assert post("/account/password", body, token=token).body == {}
    assert get("/account/whoami", token=token).status == 200
    assert get("/account/whoami", token=other).status == 401
    assert log_in(account).errcode == "M_FORBIDDEN"
    login = {"type": "m.login.password", "user": account.user_id, "password": NEW}
    assert post("/login", login).status == 200


def test_other_sessions_can_be_kept() -> None:
    account = make_account()
    token, other = token_for(account), token_for(account)
    body = {"new_password": NEW, "logout_devices": False, "auth": password_stage(account)}
    assert post("/account/password", body, token=token).status == 200
    assert get("/account/whoami", token=other).status == 200


def test_the_new_password_is_remembered_without_being_kept() -> None:
    account = make_account()
    token = token_for(account)
    session = post("/account/password", {"new_password": NEW}, token=token).body["session"]
    assert NEW not in str(db.rows("SELECT request FROM uia_session"))
    auth = password_stage(account, session=session)
    assert post("/account/password", {"auth": auth}, token=token).status == 200
    login = {"type": "m.login.password", "user": account.user_id, "password": NEW}
    assert post("/login", login).status == 200


def test_a_password_change_needs_the_old_password_and_a_new_one() -> None:
    account = make_account()
    token = token_for(account)
    assert post("/account/password", {"new_password": NEW}, token=token).status == 401
    wrong = {"new_password": NEW, "auth": password_stage(account, "wrong")}
    assert post("/account/password", wrong, token=token).errcode == "M_FORBIDDEN"
    without = {"auth": password_stage(account)}
    assert post("/account/password", without, token=token).errcode == "M_MISSING_PARAM"
    assert post("/account/password", {"new_password": 5}, token=token).errcode == "M_BAD_JSON"
    assert log_in(account).status == 200


def test_password_changes_and_deactivations_can_be_switched_off() -> None:
    account = make_account()
    token = token_for(account)
    with settings(registration={"allow_password_change": False, "allow_deactivation": False}):
        body = {"new_password": NEW, "auth": password_stage(account)}
        assert post("/account/password", body, token=token).errcode == "M_FORBIDDEN"
        deactivation = {"auth": password_stage(account)}
        assert post("/account/deactivate", deactivation, token=token).errcode == "M_FORBIDDEN"
        capabilities = get("/capabilities", token=token).body["capabilities"]
        assert capabilities["m.change_password"] == {"enabled": False}


def test_a_deactivated_account_is_gone_for_good() -> None:
    account = make_account("alice", email="alice@example.org")
    token = token_for(account)
    assert post("/account/deactivate", {}, token=token).status == 401
    answer = post("/account/deactivate", {"auth": password_stage(account)}, token=token)
    assert answer.body == {"id_server_unbind_result": "success"}
    assert get("/account/whoami", token=token).errcode == "M_UNKNOWN_TOKEN"
    assert log_in(account).status == 403
    address = {"type": "m.id.thirdparty", "medium": "email", "address": "alice@example.org"}
    login = {"type": "m.login.password", "identifier": address, "password": PASSWORD}
    assert post("/login", login).status == 403
    with settings(registration={"mode": "open"}):
        assert post("/register", {"username": "alice"}).errcode == "M_USER_IN_USE"


def test_a_deactivated_user_leaves_every_room(clients: ClientFactory) -> None:
    owner = clients.make()
    account = make_account()
    client = clients.sign_in(account)
    joined, invited = owner.create_room(preset="public_chat"), owner.create_room(invite=[account.user_id])
    assert client.change(joined, "join").status == 200
    assert client.post("/account/deactivate", {"auth": password_stage(account)}).status == 200
    assert "leave_all_rooms" in run_tasks()
    for room_id in (joined, invited):
        room = rooms.find(room_id)
        assert room is not None
        member = members.get(room.nid, account.user_nid)
        assert member is not None
        assert member.membership == Membership.LEAVE


def test_rooms_that_a_lost_task_left_are_left_later(clients: ClientFactory) -> None:
    account = make_account()
    room_id = clients.sign_in(account).create_room()
    accounts.deactivate(account.user_nid, 1, erase=False)
    leave_late_rooms()
    room = rooms.find(room_id)
    assert room is not None
    assert members.joined_rooms(account.user_nid) == []
    assert accounts.deactivated_in_rooms() == []


def test_erasure_removes_what_the_user_kept() -> None:
    account = make_account()
    token = token_for(account)
    assert db.value("SELECT count(*) FROM profile WHERE user_nid = %s", (account.user_nid,)) == 1
    body = {"erase": True, "auth": password_stage(account)}
    assert post("/account/deactivate", body, token=token).status == 200
    assert db.value("SELECT count(*) FROM profile WHERE user_nid = %s", (account.user_nid,)) == 0
    found = accounts.get(account.user_nid)
    assert found is not None
    assert (found.erased, found.password_hash) == (True, None)


def test_an_identity_server_that_fails_keeps_nobody_from_leaving() -> None:
    account = make_account(email="alice@example.org")
    body = {"id_server": "127.0.0.1:1", "auth": password_stage(account)}
    answer = post("/account/deactivate", body, token=token_for(account))
    assert answer.body == {"id_server_unbind_result": "no-support"}
    assert log_in(account).status == 403


def test_bad_deactivations_are_refused() -> None:
    token = token_for(make_account())
    assert post("/account/deactivate", {"erase": "yes"}, token=token).errcode == "M_BAD_JSON"
    assert post("/account/deactivate", {}).errcode == "M_MISSING_TOKEN"


def test_devices_end_with_all_tokens_but_those_kept() -> None:
    account = make_account()
    kept, gone = token_for(account, "KEPT"), token_for(account, "GONE")
    nid = db.value("SELECT nid FROM device WHERE device_id = 'KEPT'")
    delete_all_devices(account.user_nid, but_nid=nid)
    assert get("/account/whoami", token=kept).body["device_id"] == "KEPT"
    assert get("/account/whoami", token=gone).status == 401
    assert interning.find_user(account.user_id) == account.user_nid
