"""What becomes of devices that remember a time which a restore has undone."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.services import token_marks
from matrix_app.services.access_tokens import hash_token
from matrix_app.services.after_restore import after_restore
from matrix_app.services.audit import CLI
from matrix_app.services.create_session import Session, create_session, issue_tokens
from matrix_app.storage import db, devices, refresh_tokens, sessions
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from tests.client_api.test_key_backup import begin, key, path
from tests.factories.accounts import make_account
from tests.factories.client import Client, ClientFactory
from tests.factories.encryption import Device
from tests.factories.restoring import restored_server
from tests.factories.sliding import sliding
from tests.factories.syncing import sync
from tests.factories.visitor import get, post

pytestmark = pytest.mark.django_db(transaction=True)


def counts(told: dict[str, Any]) -> int:
    found: int = told["device_one_time_keys_count"]["signed_curve25519"]
    return found


def test_a_device_is_told_of_one_key_until_it_has_uploaded_others(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device = Device(alice)
    device.upload(3)
    since = sync(alice)["next_batch"]
    restored_server()
    assert counts(sync(alice, since)) == 1
    wanted = {"one_time_keys": {alice.user_id: {device.key.id: "signed_curve25519"}}}
    assert bob.post("/keys/claim", wanted).body["one_time_keys"] == {}
    assert counts(sync(alice, since)) == 1
    alice.post("/keys/upload", {"one_time_keys": device.one_time_keys(2)})
    assert counts(sync(alice, since)) == 2
    for _ in range(2):
        bob.post("/keys/claim", wanted)
    assert counts(sync(alice, since)) == 0


def test_a_device_whose_identity_keys_are_lost_has_to_sign_in_anew(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device = Device(alice)
    kept = Device(bob)
    kept.upload()
    restored_server()
    assert alice.get("/account/whoami").status == 200
    refused = alice.post("/keys/upload", {"one_time_keys": device.one_time_keys(2)})
    assert (refused.status, refused.errcode) == (401, "M_UNKNOWN_TOKEN")
    assert not refused.body["soft_logout"]
    assert alice.get("/account/whoami").errcode == "M_UNKNOWN_TOKEN"
    assert bob.post("/keys/upload", {"one_time_keys": kept.one_time_keys(2)}).status == 200


def test_a_device_that_begins_to_encrypt_after_a_restore_may(clients: ClientFactory) -> None:
    alice = clients.make()
    restored_server()
    Device(alice).upload(2)
    new = clients.make()
    assert new.post("/keys/upload", {"one_time_keys": Device(new).one_time_keys(1)}).status == 200


def back_up(client: Client, version: str, session: str) -> Any:
    return client.put(path(version, "!room:hearth.example", session), key())


def test_a_device_that_has_seen_the_lost_time_backs_its_keys_up_again(clients: ClientFactory) -> None:
    alice = clients.make()
    version = begin(alice)
    assert back_up(alice, version, "one").status == 200
    lost = restored_server()
    assert back_up(alice, version, "two").status == 200, "it may have slept all the time"
    sync(alice, lost)
    refused = back_up(alice, version, "three")
    assert (refused.status, refused.errcode) == (403, "M_WRONG_ROOM_KEYS_VERSION")
    assert refused.body["current_version"] == version
    assert back_up(alice, version, "three").status == 200
    sliding(alice, extensions={"to_device": {"enabled": True, "since": lost}})
    assert back_up(alice, version, "four").status == 403


def test_a_version_of_a_key_backup_is_no_other_than_a_lost_one(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    before = begin(alice)
    restored_server()
    after = [begin(alice), begin(alice)]
    assert str(int(before) + 1) not in after
    assert sorted({before, *after}, key=int) == [before, *after]
    assert begin(bob) != before
    assert alice.get("/room_keys/version").body["version"] == after[-1]


def lost_tokens(session: Session, account: Account) -> tuple[str, str]:
    """The tokens that a device got in a time that is lost then."""
    with db.write():
        issued = issue_tokens(account.user_nid, session.device_nid, refreshable=True)
        assert issued.refresh_token_nid is not None
        refresh_tokens.delete(issued.refresh_token_nid)
    assert issued.refresh_token is not None
    return issued.access_token, issued.refresh_token


def test_a_device_goes_on_with_tokens_that_were_refreshed_in_lost_time() -> None:
    account = make_account()
    session = create_session(account.user_id, account.user_nid, refreshable=True)
    begun = now_ms()
    access, refresh = lost_tokens(session, account)
    after_restore(CLI, "backup", begun)
    refused = get("/account/whoami", token=access)
    assert (refused.errcode, refused.body["soft_logout"]) == ("M_UNKNOWN_TOKEN", True)
    fresh = post("/refresh", {"refresh_token": refresh})
    assert fresh.status == 200
    token = post("/refresh", {"refresh_token": refresh}).body["access_token"]
    assert get("/account/whoami", token=token).body["device_id"] == session.device_id
    assert get("/account/whoami", token=session.access_token).errcode == "M_UNKNOWN_TOKEN"
    assert post("/refresh", {"refresh_token": refresh}).errcode == "M_UNKNOWN_TOKEN", "it is good for once"


def test_devices_from_lost_time_do_not_go_on() -> None:
    account = make_account()
    begun = now_ms() - 1
    session = create_session(account.user_id, account.user_nid, refreshable=True)
    access, refresh = lost_tokens(session, account)
    after_restore(CLI, "backup", begun)
    refused = get("/account/whoami", token=access)
    assert (refused.errcode, refused.body["soft_logout"]) == ("M_UNKNOWN_TOKEN", False)
    assert post("/refresh", {"refresh_token": refresh}).errcode == "M_UNKNOWN_TOKEN"


def test_tokens_that_nobody_issued_and_those_of_other_times_are_unknown() -> None:
    account = make_account()
    session = create_session(account.user_id, account.user_nid, refreshable=True)
    begun = now_ms()
    _, refresh = lost_tokens(session, account)
    old = token_marks.marked("hrt_old", session.device_nid, begun - 60_000)
    forged = f"{refresh[:-1]}{'A' if refresh[-1] != 'A' else 'B'}"
    assert post("/refresh", {"refresh_token": refresh}).errcode == "M_UNKNOWN_TOKEN", "nothing was restored"
    after_restore(CLI, "backup", begun)
    for token in (old, forged, "hrt_none", "hrt.", refresh.rpartition(".")[2]):
        assert post("/refresh", {"refresh_token": token}).errcode == "M_UNKNOWN_TOKEN"


def test_a_token_tells_its_device_and_time_to_this_server_alone() -> None:
    token = token_marks.marked("hat_secret", 7, 1_700_000_000_500)
    assert token_marks.read(token) == (7, 1_700_000_000_500)
    assert token_marks.read(f"x{token}") is None
    assert token_marks.read("hat_secret") is None
    assert sessions.find_token(hash_token(token)) is None
    assert devices.by_nid(-1) is None
