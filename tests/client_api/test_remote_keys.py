"""Keys of users of other servers, as clients ask for them."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.services import query_remote_keys
from matrix_app.storage import db, interning, remote_devices
from tests.factories.client import Client, ClientFactory
from tests.factories.encryption import CrossSigning, Device, Key
from tests.factories.key_servers import RemoteUser, servers
from tests.factories.rooms import StoredRoom
from tests.factories.statements import recorded
from tests.factories.syncing import sync

FRAN = "@fran:far.example"
GUS = "@gus:far.example"
NELE = "@nele:near.example"
ALGORITHM = "signed_curve25519"


@pytest.fixture
def alice(clients: ClientFactory) -> Client:
    return clients.make()


@pytest.fixture
def fran() -> RemoteUser:
    """Fran and her server, which answers."""
    user = RemoteUser(FRAN, "ONE", "TWO")
    servers.reset(user)
    return user


def query(client: Client, *user_ids: str, **wanted: list[str]) -> Any:
    body = {"device_keys": {**{name: [] for name in user_ids}, **wanted}, "timeout": 1000}
    answer = client.post("/keys/query", body)
    assert answer.status == 200, answer
    return answer.body


def asked() -> list[str]:
    """What servers have been asked since this was last asked."""
    kinds = [kind for _, kind, _ in servers.asked]
    servers.asked.clear()
    return kinds


def test_strangers_are_asked_about_every_time(alice: Client, fran: RemoteUser) -> None:
    for _ in range(2):
        body = query(alice, FRAN)
        assert set(body["device_keys"][FRAN]) == {"ONE", "TWO"}
        assert body["device_keys"][FRAN]["ONE"]["keys"] == fran.devices["ONE"]["keys"]
        assert body["failures"] == {}
    assert asked() == ["query", "query"]
    assert interning.find_user(FRAN) is None


def test_who_shares_a_room_is_asked_about_once(alice: Client, fran: RemoteUser) -> None:
    StoredRoom(creator=alice.user_id, members=[FRAN])
    fran.add("NAMED", "Phone")
    fran.cross_sign()
    first = query(alice, FRAN)
    assert asked() == ["devices"]
    assert query(alice, FRAN) == first
    assert asked() == []
    assert first["device_keys"][FRAN]["NAMED"]["unsigned"] == {"device_display_name": "Phone"}
    assert first["master_keys"] == {FRAN: fran.master}
    assert first["self_signing_keys"] == {FRAN: fran.self_signing}


def test_many_users_of_a_server_are_asked_about_together(alice: Client, fran: RemoteUser) -> None:
    users = [RemoteUser(f"@u{n}:far.example", "D") for n in range(query_remote_keys.FEW + 1)]
    servers.reset(fran, *users)
    names = [user.user_id for user in users]
    StoredRoom(creator=alice.user_id, members=names)
    first = query(alice, *names)
    assert set(first["device_keys"]) == set(names)
    assert asked() == ["query"]
    assert query(alice, *names) == first
    assert asked() == []


def test_only_the_devices_that_are_wanted_are_told(alice: Client, fran: RemoteUser) -> None:
    wanted = {FRAN: ["TWO", "NONE"]}
    assert set(query(alice, **wanted)["device_keys"][FRAN]) == {"TWO"}
    StoredRoom(creator=alice.user_id, members=[FRAN])
    for _ in range(2):
        assert set(query(alice, **wanted)["device_keys"][FRAN]) == {"TWO"}
    assert set(query(alice, FRAN)["device_keys"][FRAN]) == {"ONE", "TWO"}


def test_a_silent_server_is_a_failure_and_keeps_nothing_from_the_others(
    alice: Client, fran: RemoteUser
) -> None:
    servers.reset(fran, RemoteUser(NELE, "D"))
    servers.faults["far.example"] = RemoteUnreachable("gone")
    Device(alice).upload()
    StoredRoom(creator=alice.user_id, members=[FRAN])
    body = query(alice, FRAN, NELE, alice.user_id)
    assert body["failures"] == {"far.example": {"errcode": "M_UNKNOWN", "error": "gone"}}
    assert set(body["device_keys"]) == {NELE, alice.user_id}
    servers.faults.clear()
    assert set(query(alice, FRAN)["device_keys"][FRAN]) == {"ONE", "TWO"}


def test_a_list_that_is_kept_outlasts_its_server(alice: Client, fran: RemoteUser) -> None:
    StoredRoom(creator=alice.user_id, members=[FRAN])
    first = query(alice, FRAN)
    servers.faults["far.example"] = RemoteUnreachable("gone")
    assert query(alice, FRAN) == first


def test_users_whom_their_server_does_not_know_are_left_out(alice: Client, fran: RemoteUser) -> None:
    body = query(alice, FRAN, GUS)
    assert set(body["device_keys"]) == {FRAN}
    assert body["failures"] == {}


@pytest.mark.parametrize(
    "lie",
    [
        {"device_keys": {FRAN: {"ONE": {"user_id": GUS, "device_id": "ONE"}}}},
        {"device_keys": {FRAN: {"ONE": {"user_id": FRAN, "device_id": "TWO"}}}},
        {"device_keys": {FRAN: {"ONE": {"user_id": FRAN, "algorithms": "all"}}}},
        {"device_keys": {FRAN: {"ONE": {"user_id": FRAN, "keys": {"a": 1}}}}},
        {"device_keys": {FRAN: {"ONE": {"user_id": FRAN, "signatures": {FRAN: "x"}}}}},
        {"device_keys": {FRAN: {"ONE": {"user_id": FRAN, "half": 0.5}}}},
        {"device_keys": {FRAN: {"ONE": {"much": "x" * 70_000}}}},
        {"device_keys": {FRAN: {"ONE": {}, "": {"a": 1}, "x" * 300: {"a": 1}}}},
        {"device_keys": {FRAN: {"ONE": None}}},
    ],
)
def test_a_device_that_cannot_be_one_is_left_out(alice: Client, fran: RemoteUser, lie: Any) -> None:
    good = {"user_id": FRAN, "device_id": "GOOD", "keys": {}}
    lie["device_keys"][FRAN]["GOOD"] = good
    servers.lies["query"] = lie
    assert query(alice, FRAN)["device_keys"] == {FRAN: {"GOOD": {**good, "unsigned": {}}}}


@pytest.mark.parametrize(
    "lie",
    [
        None,
        [],
        {"device_keys": []},
        {"device_keys": {NELE: {"D": {"user_id": NELE}}}},
        {"master_keys": {FRAN: {"user_id": NELE, "usage": ["master"], "keys": {}}}},
        {"device_keys": {FRAN: []}, "self_signing_keys": {FRAN: 5}},
    ],
)
def test_nonsense_is_not_passed_on(alice: Client, fran: RemoteUser, lie: Any) -> None:
    servers.lies["query"] = lie
    body = query(alice, FRAN)
    assert body["device_keys"] == body["master_keys"] == body["self_signing_keys"] == {}


def test_ones_own_signature_is_shown_on_the_master_key_of_another_server(
    alice: Client, clients: ClientFactory, fran: RemoteUser
) -> None:
    StoredRoom(creator=alice.user_id, members=[FRAN])
    fran.cross_sign()
    signing = CrossSigning(alice)
    signing.upload()
    assert fran.master is not None
    query(alice, FRAN)
    ((public,),) = (fran.master["keys"].values(),)
    signed = signing.user_signing.sign(fran.master)
    assert alice.post("/keys/signatures/upload", {FRAN: {public: signed}}).body == {"failures": {}}
    assert query(alice, FRAN)["master_keys"][FRAN]["signatures"] == signed["signatures"]
    assert "signatures" not in query(clients.make(), FRAN)["master_keys"][FRAN]


def test_a_master_key_that_is_not_here_is_asked_for_when_it_is_signed(
    alice: Client, fran: RemoteUser
) -> None:
    fran.cross_sign()
    signing = CrossSigning(alice)
    signing.upload()
    assert fran.master is not None
    ((public,),) = (fran.master["keys"].values(),)
    signed = signing.user_signing.sign(fran.master)
    assert alice.post("/keys/signatures/upload", {FRAN: {public: signed}}).body == {"failures": {}}
    assert query(alice, FRAN)["master_keys"][FRAN]["signatures"] == signed["signatures"]
    forged = Key(alice.user_id).sign(fran.master)
    failures = alice.post("/keys/signatures/upload", {FRAN: {public: forged}}).body["failures"]
    assert failures[FRAN][public]["errcode"] == "M_INVALID_SIGNATURE"
    servers.faults["far.example"] = RemoteUnreachable("gone")
    failures = alice.post("/keys/signatures/upload", {GUS: {public: signed}}).body["failures"]
    assert failures[GUS][public]["errcode"] == "M_NOT_FOUND"


def test_those_who_share_a_room_are_told_when_a_list_is_first_known(alice: Client, fran: RemoteUser) -> None:
    StoredRoom(creator=alice.user_id, members=[FRAN])
    since = sync(alice)["next_batch"]
    query(alice, FRAN)
    assert sync(alice, since)["device_lists"] == {"changed": [FRAN]}


def test_keys_of_many_cached_users_cost_the_same_number_of_statements(alice: Client) -> None:
    users = [RemoteUser(f"@u{n}:s{n % 7}.example", "A", "B") for n in range(40)]
    servers.reset(*users)
    names = [user.user_id for user in users]
    StoredRoom(creator=alice.user_id, members=names)
    query(alice, *names)
    counts = []
    for some in (names[:2], names):
        with recorded() as statements:
            assert len(query(alice, *some)["device_keys"]) == len(some)
        assert statements.scans() == []
        counts.append(len(statements))
    assert counts[0] == counts[1]


def claim(client: Client, wanted: dict[str, dict[str, str]]) -> Any:
    answer = client.post("/keys/claim", {"one_time_keys": wanted, "timeout": 1000})
    assert answer.status == 200, answer
    return answer.body


def signed_key(user_id: str) -> dict[str, Any]:
    return Key(user_id, "ONE").sign({"key": "abc"})


def test_keys_of_other_servers_are_claimed_with_those_of_this_one(alice: Client, fran: RemoteUser) -> None:
    own = Device(alice).upload(1)
    key = signed_key(FRAN)
    fran.one_time["ONE"] = [(f"{ALGORITHM}:A", key)]
    wanted = {FRAN: {"ONE": ALGORITHM, "TWO": ALGORITHM}, alice.user_id: {"DEVICE": ALGORITHM}}
    body = claim(alice, wanted)
    assert body == {
        "one_time_keys": {FRAN: {"ONE": {f"{ALGORITHM}:A": key}}, alice.user_id: {"DEVICE": own}},
        "failures": {},
    }
    assert claim(alice, {FRAN: {"ONE": ALGORITHM}})["one_time_keys"] == {}
    servers.faults["far.example"] = RemoteUnreachable("gone")
    assert set(claim(alice, {FRAN: {"ONE": ALGORITHM}})["failures"]) == {"far.example"}


@pytest.mark.parametrize(
    "lie",
    [
        {},
        {"one_time_keys": []},
        {"one_time_keys": {NELE: {"ONE": {f"{ALGORITHM}:A": "x"}}}},
        {"one_time_keys": {FRAN: {"OTHER": {f"{ALGORITHM}:A": "x"}}}},
        {"one_time_keys": {FRAN: {"ONE": {"curve25519:A": "x"}}}},
        {"one_time_keys": {FRAN: {"ONE": {f"{ALGORITHM}:A": 5, "nothing": "x", f"{ALGORITHM}:": "x"}}}},
        {"one_time_keys": {FRAN: {"ONE": {f"{ALGORITHM}:A": {"key": "x"}}}}},
        {"one_time_keys": {FRAN: {"ONE": {f"{ALGORITHM}:A": "x" * 20_000}}}},
    ],
)
def test_a_key_that_was_not_asked_for_is_not_passed_on(alice: Client, fran: RemoteUser, lie: Any) -> None:
    servers.lies["claim"] = lie
    body = claim(alice, {FRAN: {"ONE": ALGORITHM}})
    assert body == {"one_time_keys": {}, "failures": {}}


def test_no_request_asks_any_number_of_servers(
    alice: Client, fran: RemoteUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_remote_keys, "MOST_SERVERS", 1)
    body = query(alice, FRAN, NELE)
    assert set(body["device_keys"]) == {FRAN}
    assert set(body["failures"]) == {"near.example"}


def test_who_comes_while_too_many_wait_is_told_what_is_here(alice: Client, fran: RemoteUser) -> None:
    servers.too_many_wait = True
    own = Device(alice).upload(1)
    body = query(alice, FRAN, alice.user_id)
    assert set(body["device_keys"]) == {alice.user_id}
    assert set(body["failures"]) == {"far.example"}
    body = claim(alice, {FRAN: {"ONE": ALGORITHM}, alice.user_id: {"DEVICE": ALGORITHM}})
    assert body["one_time_keys"] == {alice.user_id: {"DEVICE": own}}
    assert set(body["failures"]) == {"far.example"}


def test_lists_that_were_begun_are_asked_for_later_when_their_server_was_silent(
    alice: Client, fran: RemoteUser
) -> None:
    servers.faults["far.example"] = RemoteUnreachable("gone")
    StoredRoom(creator=alice.user_id, members=[FRAN])
    query(alice, FRAN)
    assert db.value("SELECT count(*) FROM remote_device_list WHERE NOT is_current") == 1
    db.execute("UPDATE remote_device_list SET retry_ts = 0")
    with db.write():
        assert len(remote_devices.claim_due(1, 2, 10, 10)) == 1
