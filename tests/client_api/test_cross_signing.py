"""Cross-signing keys and signatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_app.protocol.errors import Forbidden
from matrix_app.services.create_session import create_session
from matrix_app.services.cross_signing import read_upload, upload_cross_signing_keys
from matrix_app.services.delete_devices import delete_devices
from tests.factories.accounts import make_account, password_stage
from tests.factories.client import Answer, Client, ClientFactory
from tests.factories.encryption import CrossSigning, Device, Key
from tests.factories.syncing import sync

UPLOAD = "/keys/device_signing/upload"


def query(client: Client, user: Client) -> Any:
    """The keys of a user as a client sees them, by section."""
    body = client.post("/keys/query", {"device_keys": {user.user_id: []}}).body
    return {name: section[user.user_id] for name, section in body.items() if user.user_id in section}


def sign(client: Client, user: Client, key_id: str, obj: Any) -> Any:
    """The failures of an upload of one signature."""
    answer = client.post("/keys/signatures/upload", {user.user_id: {key_id: obj}})
    assert answer.status == 200, answer
    return answer.body["failures"]


def errcode_of(failures: Any, user: Client, key_id: str) -> str:
    """The errcode of one failure."""
    errcode: str = failures[user.user_id][key_id]["errcode"]
    return errcode


def changed(client: Client, since: str) -> list[str]:
    """Whose device lists a sync says have changed."""
    users: list[str] = sync(client, since).get("device_lists", {}).get("changed", [])
    return users


def test_others_see_two_of_the_keys_and_their_owner_all(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    keys = CrossSigning(alice)
    keys.upload()
    shown = {"master_keys": keys.master_key, "self_signing_keys": keys.self_signing_key, "device_keys": {}}
    assert query(bob, alice) == shown
    assert query(alice, alice) == {**shown, "user_signing_keys": keys.user_signing_key}


def test_the_first_keys_need_no_authentication_nor_do_the_same_ones_again(clients: ClientFactory) -> None:
    alice = clients.make()
    keys = CrossSigning(alice)
    for _ in range(2):
        assert alice.post(UPLOAD, keys.body).body == {}
    assert alice.post(UPLOAD, {"master_key": keys.master_key}).status == 200
    assert query(alice, alice)["self_signing_keys"] == keys.self_signing_key


def test_other_keys_need_authentication(clients: ClientFactory) -> None:
    account = make_account()
    alice = clients.sign_in(account)
    old, new = CrossSigning(alice), CrossSigning(alice)
    old.upload()
    refused = alice.post(UPLOAD, new.body)
    assert (refused.status, refused.body["flows"]) == (401, [{"stages": ["m.login.password"]}])
    assert query(alice, alice)["master_keys"] == old.master_key
    auth = password_stage(account, session=refused.body["session"])
    assert alice.post(UPLOAD, {"auth": auth}).body == {}
    assert query(alice, alice)["master_keys"] == new.master_key
    assert query(alice, alice)["user_signing_keys"] == new.user_signing_key


def test_a_self_signing_key_alone_is_replaced_with_authentication(clients: ClientFactory) -> None:
    account = make_account()
    alice = clients.sign_in(account)
    keys, other = CrossSigning(alice), CrossSigning(alice)
    keys.upload()
    new = keys.master.sign(other.self_signing_key)
    assert alice.post(UPLOAD, {"self_signing_key": new}).status == 401
    body = {"self_signing_key": new, "auth": password_stage(account)}
    assert alice.post(UPLOAD, body).status == 200
    assert query(alice, alice)["self_signing_keys"] == new
    assert query(alice, alice)["user_signing_keys"] == keys.user_signing_key


def test_what_hung_on_a_master_key_goes_with_it(clients: ClientFactory) -> None:
    account = make_account()
    alice = clients.sign_in(account)
    device = Device(alice)
    device.upload()
    old, new = CrossSigning(alice), CrossSigning(alice)
    old.upload()
    assert sign(alice, alice, device.key.id, old.self_signing.sign(device.keys)) == {}
    body = {"master_key": new.master_key, "auth": password_stage(account)}
    assert alice.post(UPLOAD, body).status == 200
    found = query(alice, alice)
    assert found["device_keys"] == {device.key.id: {**device.keys, "unsigned": {}}}
    assert {"self_signing_keys", "user_signing_keys"}.isdisjoint(found)


def test_without_a_master_key_no_other_is_taken(clients: ClientFactory) -> None:
    alice = clients.make()
    keys = CrossSigning(alice)
    for body in ({}, {"self_signing_key": keys.self_signing_key}):
        answer = alice.post(UPLOAD, body)
        assert (answer.status, answer.errcode) == (400, "M_MISSING_PARAM")
    assert alice.post(UPLOAD, {"master_key": keys.master_key}).status == 200


@pytest.mark.parametrize("usage", ["self_signing", "user_signing"])
def test_keys_that_the_master_key_has_not_signed_are_refused(clients: ClientFactory, usage: str) -> None:
    alice = clients.make()
    keys, others = CrossSigning(alice), CrossSigning(alice)
    key = keys.body[f"{usage}_key"]
    unsigned = {name: value for name, value in key.items() if name != "signatures"}
    forged = {**key, "signatures": {alice.user_id: {keys.master.name: "AAAA"}}}
    for wrong in (others.body[f"{usage}_key"], unsigned, forged):
        answer = alice.post(UPLOAD, {**keys.body, f"{usage}_key": wrong})
        assert (answer.status, answer.errcode) == (400, "M_INVALID_SIGNATURE")
    assert "master_keys" not in query(alice, alice)


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"user_id": "@other:hearth.example"}, "M_INVALID_PARAM"),
        ({"usage": ["self_signing"]}, "M_INVALID_PARAM"),
        ({"usage": "master"}, "M_BAD_JSON"),
        ({"keys": {}}, "M_INVALID_PARAM"),
        ({"keys": {"ed25519:a": "a", "ed25519:b": "b"}}, "M_INVALID_PARAM"),
        ({"keys": {"ed25519:a": "b"}}, "M_INVALID_PARAM"),
        ({"keys": {"ed25519:AAAA": "AAAA"}}, "M_INVALID_PARAM"),
        ({"keys": {"curve25519:" + "A" * 43: "A" * 43}}, "M_INVALID_PARAM"),
        ({"signatures": []}, "M_BAD_JSON"),
    ],
)
def test_malformed_keys_are_refused(clients: ClientFactory, change: Any, errcode: str) -> None:
    alice = clients.make()
    key = {**CrossSigning(alice).master_key, **change}
    assert alice.post(UPLOAD, {"master_key": key}).errcode == errcode
    assert alice.post(UPLOAD, {"master_key": "text"}).errcode == "M_BAD_JSON"


def test_a_key_may_not_be_called_as_a_device_is(clients: ClientFactory) -> None:
    account = make_account()
    alice = clients.sign_in(account)
    keys = CrossSigning(alice)
    create_session(account.user_id, account.user_nid, device_id=keys.self_signing.public)
    answer = alice.post(UPLOAD, keys.body)
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


def test_keys_that_arrive_at_the_same_time_do_not_replace_one_another(clients: ClientFactory) -> None:
    alice = clients.make()
    first, second = CrossSigning(alice), CrossSigning(alice)
    checked = read_upload(alice.requester, second.body)
    first.upload()
    with pytest.raises(Forbidden):
        upload_cross_signing_keys(alice.requester, checked, authenticated=False)
    assert query(alice, alice)["master_keys"] == first.master_key


def test_everybody_sees_the_signature_of_a_user_on_their_own_device(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device, keys = Device(alice), CrossSigning(alice)
    device.upload()
    keys.upload()
    signed = keys.self_signing.sign(device.keys)
    assert sign(alice, alice, "DEVICE", signed) == {}
    shown = query(bob, alice)["device_keys"]["DEVICE"]
    assert shown["signatures"] == {
        alice.user_id: {
            **device.keys["signatures"][alice.user_id],
            **signed["signatures"][alice.user_id],
        }
    }
    assert shown["keys"] == device.keys["keys"]


def test_a_device_vouches_for_the_master_key(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device, keys = Device(alice), CrossSigning(alice)
    device.upload()
    keys.upload()
    signed = device.key.sign(keys.master_key)
    assert sign(alice, alice, keys.master.public, signed) == {}
    assert query(bob, alice)["master_keys"] == signed


def test_only_its_maker_sees_a_signature_on_another_user(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    keys, others = CrossSigning(alice), CrossSigning(bob)
    keys.upload()
    others.upload()
    signed = keys.user_signing.sign(others.master_key)
    starts = {client: sync(client)["next_batch"] for client in (alice, bob, carol)}
    assert sign(alice, bob, others.master.public, signed) == {}
    assert query(alice, bob)["master_keys"] == signed
    for client in (bob, carol):
        assert query(client, bob)["master_keys"] == others.master_key
    assert [changed(client, starts[client]) for client in (alice, bob, carol)] == [[bob.user_id], [], []]


def test_a_user_signing_key_alone_is_news_for_its_owner_only(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    bob.change(alice.create_room(preset="public_chat"), "join")
    keys = CrossSigning(alice)
    without = {name: key for name, key in keys.body.items() if name != "user_signing_key"}
    starts = {client: sync(client)["next_batch"] for client in (alice, bob)}
    alice.post(UPLOAD, without)
    assert [changed(client, starts[client]) for client in (alice, bob)] == [[alice.user_id]] * 2
    starts = {client: sync(client)["next_batch"] for client in (alice, bob)}
    upload_cross_signing_keys(alice.requester, read_upload(alice.requester, keys.body), authenticated=True)
    assert [changed(client, starts[client]) for client in (alice, bob)] == [[alice.user_id], []]


def test_wrong_signatures_fail_each_by_itself(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device, keys, others = Device(alice), CrossSigning(alice), CrossSigning(bob)
    device.upload()
    keys.upload()
    others.upload()
    stranger = Key(alice.user_id)
    good = keys.self_signing.sign(device.keys)
    forged = keys.user_signing.sign({**others.master_key, "usage": ["master", "other"]})
    body = {
        alice.user_id: {
            "DEVICE": good,
            "UNKNOWN": good,
            keys.master.public: stranger.sign(keys.master_key),
        },
        bob.user_id: {others.master.public: forged, others.self_signing.public: others.self_signing_key},
        "@nobody:hearth.example": {"x": {}},
    }
    failures = alice.post("/keys/signatures/upload", body).body["failures"]
    found = {user: {key: error["errcode"] for key, error in keys.items()} for user, keys in failures.items()}
    assert found == {
        alice.user_id: {"UNKNOWN": "M_NOT_FOUND", keys.master.public: "M_INVALID_SIGNATURE"},
        bob.user_id: {others.master.public: "M_INVALID_PARAM", others.self_signing.public: "M_NOT_FOUND"},
        "@nobody:hearth.example": {"x": "M_NOT_FOUND"},
    }
    assert keys.self_signing.name in str(query(bob, alice)["device_keys"]["DEVICE"]["signatures"])


def test_a_signature_must_be_by_the_key_that_signs_such_keys(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device, keys, others = Device(alice), CrossSigning(alice), CrossSigning(bob)
    device.upload()
    keys.upload()
    others.upload()
    by_master = sign(alice, alice, "DEVICE", keys.master.sign(device.keys))
    assert errcode_of(by_master, alice, "DEVICE") == "M_INVALID_SIGNATURE"
    broken = keys.self_signing.sign(device.keys)
    broken["signatures"][alice.user_id][keys.self_signing.name] = "AAAA"
    assert errcode_of(sign(alice, alice, "DEVICE", broken), alice, "DEVICE") == "M_INVALID_SIGNATURE"
    assert errcode_of(sign(alice, alice, "DEVICE", "text"), alice, "DEVICE") == "M_BAD_JSON"
    by_other = sign(alice, bob, others.master.public, others.user_signing.sign(others.master_key))
    assert errcode_of(by_other, bob, others.master.public) == "M_INVALID_SIGNATURE"


def test_signatures_need_keys_to_make_them_with(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    device, others = Device(alice), CrossSigning(bob)
    device.upload()
    others.upload()
    own = sign(alice, alice, "DEVICE", device.keys)
    assert errcode_of(own, alice, "DEVICE") == "M_NOT_FOUND"
    other = sign(alice, bob, others.master.public, others.master_key)
    assert errcode_of(other, bob, others.master.public) == "M_NOT_FOUND"


def signed_device(owner: Client) -> tuple[Device, CrossSigning]:
    """A device with keys that its owner has signed."""
    device, keys = Device(owner), CrossSigning(owner)
    device.upload()
    keys.upload()
    sign(owner, owner, "DEVICE", keys.self_signing.sign(device.keys))
    return device, keys


def test_new_device_keys_lose_the_signatures_on_the_old(clients: ClientFactory) -> None:
    alice = clients.make()
    device, keys = signed_device(alice)
    device.upload()
    assert keys.self_signing.name in str(query(alice, alice)["device_keys"])
    Device(alice).upload()
    assert keys.self_signing.name not in str(query(alice, alice)["device_keys"])


def test_device_keys_that_are_only_signed_anew_keep_the_signatures(clients: ClientFactory) -> None:
    alice = clients.make()
    device, keys = signed_device(alice)
    device.keys["signatures"][alice.user_id]["ed25519:OTHER"] = "another"
    device.upload()
    shown = query(alice, alice)["device_keys"]["DEVICE"]["signatures"][alice.user_id]
    assert sorted(shown) == sorted(["ed25519:DEVICE", "ed25519:OTHER", keys.self_signing.name])


def test_what_a_device_signed_goes_with_it_and_with_its_keys(clients: ClientFactory) -> None:
    alice = clients.make()
    keys = CrossSigning(alice)
    keys.upload()
    ends: list[Callable[[], object]] = [
        lambda: Device(alice).upload(),
        lambda: delete_devices(alice.requester.user_nid, ["DEVICE"]),
    ]
    viewer = clients.make()
    for end in ends:
        device = Device(alice)
        device.upload()
        sign(alice, alice, keys.master.public, device.key.sign(keys.master_key))
        assert "signatures" in query(viewer, alice)["master_keys"]
        end()
        assert query(viewer, alice)["master_keys"] == keys.master_key


@pytest.mark.parametrize("body", [[], {"@bob:hearth.example": []}, {"@bob:hearth.example": None}])
def test_what_is_no_map_of_signatures_is_refused(clients: ClientFactory, body: Any) -> None:
    answer: Answer = clients.make().post("/keys/signatures/upload", body)
    assert answer.errcode == "M_BAD_JSON"


def test_too_many_signatures_at_once_are_refused(clients: ClientFactory) -> None:
    alice = clients.make()
    body: dict[str, Any] = {alice.user_id: {str(number): {} for number in range(1001)}}
    assert alice.post("/keys/signatures/upload", body).errcode == "M_TOO_LARGE"
    assert alice.post("/keys/signatures/upload", {"nobody": {"x": {}}}).errcode == "M_INVALID_PARAM"


@pytest.mark.parametrize(
    ("before", "uploaded", "status"),
    [
        # "[...] there is no existing master signing key uploaded to the homeserver"
        ([], ["master"], 200),
        ([], ["master", "self_signing", "user_signing"], 200),
        # "[...] it exactly matches [...] the request contains no new keys"
        (["master", "self_signing"], ["master", "self_signing"], 200),
        (["master", "self_signing"], ["master"], 200),
        (["master", "self_signing"], ["self_signing"], 200),
        # Everything else.
        (["master", "self_signing"], ["master", "self_signing", "user_signing"], 401),
        (["master"], ["user_signing"], 401),
        (["master", "self_signing"], ["master", "other self_signing"], 401),
        (["master", "self_signing"], ["other self_signing"], 401),
        (["master", "self_signing"], ["other master", "other self_signing"], 401),
    ],
)
def test_who_has_to_authenticate_to_upload_keys(
    clients: ClientFactory, before: list[str], uploaded: list[str], status: int
) -> None:
    alice = clients.sign_in(make_account())
    keys, others = CrossSigning(alice), CrossSigning(alice)

    def body(usages: list[str]) -> dict[str, Any]:
        source = {f"{usage}_key": key for usage, key in keys.named.items()}
        master = others.master if "other master" in usages else keys.master
        other = {
            "other master_key": others.named["master"],
            "other self_signing_key": master.sign(others.named["self_signing"]),
        }
        every = {**source, **other}
        return {f"{usage.removeprefix('other ')}_key": every[f"{usage}_key"] for usage in usages}

    if before:
        assert alice.post(UPLOAD, body(before)).status == 200
    assert alice.post(UPLOAD, body(uploaded)).status == status
