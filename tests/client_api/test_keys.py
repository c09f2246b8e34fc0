"""Uploading, querying and claiming keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from matrix_app.protocol.errors import MatrixError
from matrix_app.services.delete_devices import delete_devices
from matrix_app.services.upload_keys import upload_keys
from matrix_app.storage import db
from tests.factories.accounts import make_account
from tests.factories.client import Answer, Client, ClientFactory
from tests.factories.encryption import Device
from tests.factories.statements import recorded
from tests.factories.syncing import sync


def upload(client: Client, **body: Any) -> Answer:
    """POST /keys/upload."""
    return client.post("/keys/upload", body)


def query(client: Client, *users: Client, **body: Any) -> Any:
    """The body of the answer to POST /keys/query."""
    answer = client.post("/keys/query", {"device_keys": {user.user_id: [] for user in users}, **body})
    assert answer.status == 200, answer
    return answer.body


def claim(client: Client, *users: Client, algorithm: str = "signed_curve25519") -> Any:
    """The keys that POST /keys/claim gives."""
    wanted = {user.user_id: {str(user.requester.device_id): algorithm} for user in users}
    answer = client.post("/keys/claim", {"one_time_keys": wanted})
    assert answer.status == 200, answer
    return answer.body["one_time_keys"]


def claimed(client: Client, user: Client, **extra: Any) -> Any:
    """The key that is claimed of one device, by its name; empty when there is none."""
    return claim(client, user, **extra).get(user.user_id, {}).get(user.requester.device_id, {})


def test_uploaded_device_keys_are_what_a_query_gives(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device = Device(bob)
    device.upload()
    body = query(alice, bob)
    assert body["device_keys"] == {bob.user_id: {"DEVICE": {**device.keys, "unsigned": {}}}}
    assert body["failures"] == {}


def test_the_name_of_a_device_is_told(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    Device(bob).upload()
    bob.put("/devices/DEVICE", {"display_name": 'a "phone"'})
    unsigned = query(alice, bob)["device_keys"][bob.user_id]["DEVICE"]["unsigned"]
    assert unsigned == {"device_display_name": 'a "phone"'}


def test_a_query_can_be_for_some_devices_of_a_user(clients: ClientFactory) -> None:
    account = make_account()
    devices = [Device(clients.sign_in(account)) for _ in range(3)]
    for device in devices:
        device.upload()
    wanted = [devices[0].key.id, devices[2].key.id]
    answer = devices[0].client.post("/keys/query", {"device_keys": {account.user_id: [*wanted, "OTHER"]}})
    assert sorted(answer.body["device_keys"][account.user_id]) == sorted(wanted)


def test_a_user_without_keys_has_an_empty_entry_and_an_unknown_one_none(clients: ClientFactory) -> None:
    alice = clients.make()
    wanted: dict[str, list[str]] = {alice.user_id: [], "@nobody:hearth.example": []}
    answer = alice.post("/keys/query", {"device_keys": wanted, "timeout": 1})
    assert answer.body["device_keys"] == {alice.user_id: {}}


def test_keys_of_another_user_or_device_are_refused(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    keys = Device(alice).keys
    assert upload(bob, device_keys=keys).errcode == "M_INVALID_PARAM"
    assert upload(alice, device_keys={**keys, "device_id": "OTHER"}).errcode == "M_INVALID_PARAM"


@pytest.mark.parametrize("missing", ["user_id", "device_id", "algorithms", "keys", "signatures"])
def test_incomplete_device_keys_are_refused(clients: ClientFactory, missing: str) -> None:
    alice = clients.make()
    keys = Device(alice).keys
    del keys[missing]
    assert upload(alice, device_keys=keys).errcode == "M_BAD_JSON"


@pytest.mark.parametrize(
    "wrong",
    [
        {"algorithms": "m.olm"},
        {"keys": {"ed25519:DEVICE": 1}},
        {"signatures": {"@a:b": "text"}},
        {"number": 0.5},
    ],
)
def test_malformed_device_keys_are_refused(clients: ClientFactory, wrong: dict[str, Any]) -> None:
    alice = clients.make()
    assert upload(alice, device_keys={**Device(alice).keys, **wrong}).errcode == "M_BAD_JSON"
    assert query(alice, alice)["device_keys"] == {alice.user_id: {}}


def test_keys_without_the_name_of_an_algorithm_are_refused(clients: ClientFactory) -> None:
    alice = clients.make()
    keys = {**Device(alice).keys, "keys": {"nothing": "x"}}
    assert upload(alice, device_keys=keys).errcode == "M_INVALID_PARAM"
    for name in ("nothing", ":id", "algorithm:", "a:" + "x" * 256, "a:\0"):
        assert upload(alice, one_time_keys={name: "key"}).errcode == "M_INVALID_PARAM"


def test_the_answer_counts_the_unclaimed_keys(clients: ClientFactory) -> None:
    alice = clients.make()
    device = Device(alice)
    keys = {**device.one_time_keys(3), "curve25519:A": "key"}
    body = upload(alice, one_time_keys=keys).body
    assert body == {"one_time_key_counts": {"signed_curve25519": 3, "curve25519": 1}}
    claimed(alice, alice)
    assert upload(alice).body == {"one_time_key_counts": {"signed_curve25519": 2, "curve25519": 1}}
    assert sync(alice)["device_one_time_keys_count"] == {"signed_curve25519": 2, "curve25519": 1}


def test_the_same_key_may_be_uploaded_again_and_another_under_its_name_may_not(
    clients: ClientFactory,
) -> None:
    alice = clients.make()
    device = Device(alice)
    keys = device.one_time_keys(2)
    for again in (keys, {name: {**key, "signatures": {}} for name, key in keys.items()}):
        body = upload(alice, one_time_keys=again).body
        assert body["one_time_key_counts"]["signed_curve25519"] == 2
    name = next(iter(keys))
    other = {name: next(iter(device.one_time_keys(1).values())), **device.one_time_keys(1)}
    assert upload(alice, one_time_keys=other).errcode == "M_INVALID_PARAM"
    assert upload(alice).body["one_time_key_counts"]["signed_curve25519"] == 2
    assert claimed(alice, alice) == {name: keys[name]}


def test_the_oldest_key_is_given_first_and_each_once(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device = Device(bob)
    uploads = [device.upload(2) for _ in range(3)]
    given = [claimed(alice, bob) for _ in range(6)]
    assert claimed(alice, bob) == {}
    for number, keys in enumerate(uploads):
        first, second = given[2 * number : 2 * number + 2]
        assert {**first, **second} == keys


def test_a_key_that_was_given_is_not_given_again_when_its_client_repeats_the_upload(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.many(2)
    device = Device(bob)
    keys = device.upload(2)
    given = claimed(alice, bob)
    # Signed anew, the key is the same.
    again = {name: {**key, "signatures": {}} if name in given else key for name, key in keys.items()}
    assert upload(bob, one_time_keys=again).body["one_time_key_counts"] == {"signed_curve25519": 1}
    assert claimed(alice, bob) == {name: key for name, key in keys.items() if name not in given}
    assert claimed(alice, bob) == {}


def test_another_key_may_have_the_name_of_one_that_was_given(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device = Device(bob)
    for _ in range(2):
        # As a client does that has lost its store, and counts from the beginning.
        name, (key,) = "signed_curve25519:AAAAAQ", device.one_time_keys(1).values()
        upload(bob, one_time_keys={name: key})
        assert claimed(alice, bob) == {name: key}


def test_keys_that_the_former_keys_of_a_device_signed_are_not_given(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    old, new = Device(bob), Device(bob)
    (name,) = old.upload(1)
    upload(bob, fallback_keys=old.one_time_keys(1, fallback=True))
    since = sync(bob)["next_batch"]
    (key,) = new.one_time_keys(1).values()
    # A client that lost its store names its keys as before, which would be refused beside the old ones.
    answer = upload(bob, device_keys=new.keys, one_time_keys={name: key})
    assert answer.body == {"one_time_key_counts": {"signed_curve25519": 1}}
    assert sync(bob, since)["device_unused_fallback_key_types"] == []
    assert claimed(alice, bob) == {name: key}
    assert claimed(alice, bob) == {}


def test_a_key_of_the_wanted_algorithm_is_given(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    Device(bob).upload(1)
    upload(bob, one_time_keys={"curve25519:A": "key"})
    assert claimed(alice, bob, algorithm="curve25519") == {"curve25519:A": "key"}
    assert claimed(alice, bob, algorithm="curve25519") == {}
    assert claim(alice, bob, algorithm="other") == {}


def test_the_fallback_key_is_given_when_no_other_is_left(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device = Device(bob)
    one_time = device.upload(1)
    fallback = device.one_time_keys(1, fallback=True)
    upload(bob, fallback_keys=fallback)
    assert sync(bob)["device_unused_fallback_key_types"] == ["signed_curve25519"]
    assert claimed(alice, bob) == one_time
    assert sync(bob)["device_unused_fallback_key_types"] == ["signed_curve25519"]
    for _ in range(2):
        assert claimed(alice, bob) == fallback
        assert sync(bob)["device_unused_fallback_key_types"] == []


def test_a_fallback_key_that_was_given_stays_used_until_it_is_replaced(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device = Device(bob)
    first, second = device.one_time_keys(1, fallback=True), device.one_time_keys(1, fallback=True)
    upload(bob, fallback_keys=first)
    claimed(alice, bob)
    upload(bob, fallback_keys=first)
    assert sync(bob)["device_unused_fallback_key_types"] == []
    upload(bob, fallback_keys=second)
    assert sync(bob)["device_unused_fallback_key_types"] == ["signed_curve25519"]
    assert claimed(alice, bob) == second
    both = {**first, **device.one_time_keys(1)}
    assert upload(bob, fallback_keys=both).errcode == "M_INVALID_PARAM"


def test_a_waiting_device_learns_of_claims_with_its_next_sync(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    Device(bob).upload(2)
    since = sync(bob)["next_batch"]
    claimed(alice, bob)
    body = sync(bob, since, timeout=10_000)
    assert body["device_one_time_keys_count"] == {"signed_curve25519": 1}


def test_who_shares_a_room_learns_of_new_device_keys(clients: ClientFactory) -> None:
    alice, bob, stranger = clients.many(3)
    bob.change(alice.create_room(preset="public_chat"), "join")
    starts = {client: sync(client)["next_batch"] for client in (alice, bob, stranger)}
    device = Device(bob)
    device.upload(1)
    for client in (alice, bob):
        assert sync(client, starts[client])["device_lists"]["changed"] == [bob.user_id]
    assert "device_lists" not in sync(stranger, starts[stranger])
    since = sync(alice)["next_batch"]
    device.upload(1)
    assert "device_lists" not in sync(alice, since)


def test_changes_between_two_syncs_can_be_asked_for(clients: ClientFactory) -> None:
    alice, bob, carol, stranger = clients.many(4)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    begin = sync(alice)["next_batch"]
    for client in (bob, stranger):
        Device(client).upload()
    carol.change(room_id, "join")
    middle = sync(alice)["next_batch"]
    both = sorted([bob.user_id, carol.user_id])
    assert alice.get(f"/keys/changes?from={begin}&to={middle}").body["changed"] == both
    bob.change(room_id, "leave")
    end = sync(alice)["next_batch"]
    assert alice.get(f"/keys/changes?from={middle}&to={end}").body == {"changed": [], "left": [bob.user_id]}
    assert alice.get(f"/keys/changes?from={end}&to={end}").body == {"changed": [], "left": []}
    assert alice.get("/keys/changes?from=s1").errcode == "M_MISSING_PARAM"
    assert alice.get("/keys/changes?from=x&to=y").errcode == "M_INVALID_PARAM"


def test_the_keys_of_a_device_go_with_it(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device = Device(bob)
    device.upload(2)
    upload(bob, fallback_keys=device.one_time_keys(1))
    delete_devices(bob.requester.user_nid, ["DEVICE"])
    assert query(alice, bob)["device_keys"] == {bob.user_id: {}}
    assert claim(alice, bob) == {}
    for table in ("one_time_key", "fallback_key", "device_keys", "key_signature"):
        assert db.value(f"SELECT count(*) FROM {table}") == 0


@pytest.mark.parametrize(
    ("appservice_id", "errcode"), [(None, "M_UNKNOWN_TOKEN"), ("irc", "M_UNKNOWN_DEVICE")]
)
def test_keys_that_come_while_their_device_is_signed_out_are_not_kept(
    clients: ClientFactory, appservice_id: str | None, errcode: str
) -> None:
    alice, bob = clients.many(2)
    device = Device(bob)
    # Who makes a request is found before its keys are stored, and the device may go in between.
    requester = replace(bob.requester, appservice_id=appservice_id)
    delete_devices(bob.requester.user_nid, ["DEVICE"])
    with pytest.raises(MatrixError) as raised:
        upload_keys(requester, device.keys, device.one_time_keys(1), device.one_time_keys(1))
    assert raised.value.errcode == errcode
    assert query(alice, bob)["device_keys"] == {bob.user_id: {}}
    for table in ("one_time_key", "fallback_key", "device_keys"):
        assert db.value(f"SELECT count(*) FROM {table}") == 0


def test_a_device_may_leave_only_so_many_keys(clients: ClientFactory) -> None:
    alice = clients.make()
    device = Device(alice)
    for count in (300, 300):
        last = upload(alice, one_time_keys=device.one_time_keys(count))
    assert last.body["one_time_key_counts"]["signed_curve25519"] == 500
    many = {f"a{number}:k": "key" for number in range(21)}
    assert upload(alice, fallback_keys=many).errcode == "M_TOO_LARGE"
    huge = {"signed_curve25519:X": {"key": "x" * 20_000, "signatures": {}}}
    assert upload(alice, one_time_keys=huge).errcode == "M_TOO_LARGE"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/keys/query", {"device_keys": {"@a:hearth.example": {}}}),
        ("/keys/query", {"device_keys": {"@a:hearth.example": [1]}}),
        ("/keys/query", {"device_keys": []}),
        ("/keys/query", {"device_keys": {}, "timeout": "soon"}),
        ("/keys/claim", {"one_time_keys": {"@a:hearth.example": []}}),
        ("/keys/claim", {"one_time_keys": {"@a:hearth.example": {"D": 1}}}),
        ("/keys/upload", {"one_time_keys": []}),
        ("/keys/upload", {"one_time_keys": {"a:b": 1}}),
        ("/keys/upload", {"one_time_keys": {"a:b": {"key": "x"}}}),
        ("/keys/upload", {"fallback_keys": {"a:b": {"signatures": {}}}}),
        ("/keys/upload", {"device_keys": "x"}),
    ],
)
def test_bodies_of_the_wrong_form_are_refused(clients: ClientFactory, path: str, body: Any) -> None:
    assert clients.make().post(path, body).errcode == "M_BAD_JSON"


@pytest.mark.parametrize("user_id", ["bob", "@b\0b:hearth.example", "@bob"])
def test_what_is_no_user_id_is_refused(clients: ClientFactory, user_id: str) -> None:
    alice = clients.make()
    assert alice.post("/keys/query", {"device_keys": {user_id: []}}).errcode == "M_INVALID_PARAM"
    assert alice.post("/keys/claim", {"one_time_keys": {user_id: {}}}).errcode == "M_INVALID_PARAM"
    assert alice.post("/keys/query", {}).errcode == "M_MISSING_PARAM"


def test_the_number_of_statements_does_not_grow_with_the_users(clients: ClientFactory) -> None:
    alice, *others = clients.many(21)
    for other in others:
        Device(other).upload(2)
        upload(other, fallback_keys=Device(other).one_time_keys(1))
    counts = []
    for some in (others[:2], others, others[2:]):
        with recorded() as found:
            query(alice, *some)
            claim(alice, *some)
        counts.append(len(found))
        assert not [scan for scan in found.scans() if "wanted" not in scan]
    # The last claims have to look for fallback keys of those who have given two.
    with recorded() as found:
        assert len(claim(alice, *others)) == 20
    assert len(set(counts)) == 1
    assert len(found) <= 8
