"""Server-side key backups."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matrix_app.services import key_backup
from matrix_app.storage import db
from tests.factories.client import Answer, Client, ClientFactory
from tests.factories.statements import recorded
from tests.factories.tasks import run_tasks

ALGORITHM = "m.megolm_backup.v1.curve25519-aes-sha2"
ROOM = "!room:hearth.example"


def begin(client: Client, auth_data: Any = None) -> str:
    """Begin a version; its name."""
    body = {"algorithm": ALGORITHM, "auth_data": auth_data or {"public_key": "abc"}}
    version: str = client.post("/room_keys/version", body).body["version"]
    return version


def key(index: int = 0, forwarded: int = 0, verified: bool = False, data: Any = None) -> dict[str, Any]:
    """A key to back up."""
    return {
        "first_message_index": index,
        "forwarded_count": forwarded,
        "is_verified": verified,
        "session_data": data or {"ciphertext": f"{index} {forwarded} {verified}"},
    }


def path(version: str, *place: str) -> str:
    """The path of keys: all of them, a room's, or a session's."""
    return "/".join(["/room_keys/keys", *(quote(part, safe="") for part in place)]) + f"?version={version}"


def store(client: Client, version: str, session_id: str, stored: Any, room_id: str = ROOM) -> Answer:
    """Back up one key."""
    return client.put(path(version, room_id, session_id), stored)


def info(client: Client, version: str = "") -> Any:
    """What is told of a version, the newest by default."""
    return client.get("/room_keys/version" + (f"/{version}" if version else "")).body


def test_a_new_version_is_the_newest_and_empty(clients: ClientFactory) -> None:
    alice = clients.make()
    assert alice.get("/room_keys/version").errcode == "M_NOT_FOUND"
    versions = [begin(alice) for _ in range(12)]
    assert len(set(versions)) == 12
    expected = {"algorithm": ALGORITHM, "auth_data": {"public_key": "abc"}, "count": 0}
    found = info(alice)
    assert (found["version"], isinstance(found["etag"], str)) == (versions[-1], True)
    assert expected.items() <= found.items()
    assert info(alice, versions[0])["version"] == versions[0]


def test_versions_are_their_users_own(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    version = begin(alice)
    assert bob.get(f"/room_keys/version/{version}").errcode == "M_NOT_FOUND"
    assert bob.get(path(version)).errcode == "M_NOT_FOUND"
    assert bob.put(path(version), {"rooms": {}}).errcode == "M_NOT_FOUND"


@pytest.mark.parametrize("version", ["bogus", "0", "-1", "1.0", "9" * 40, "\u0661"])
def test_there_is_no_other_version(clients: ClientFactory, version: str) -> None:
    alice = clients.make()
    begin(alice)
    name = quote(version)
    changed = {"algorithm": ALGORITHM, "auth_data": {}}
    for answer in (
        alice.get(f"/room_keys/version/{name}"),
        alice.put(f"/room_keys/version/{name}", changed),
        alice.delete(f"/room_keys/version/{name}"),
        alice.get(path(name)),
        alice.put(path(name), {"rooms": {}}),
        alice.delete(path(name)),
    ):
        assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")


def test_only_the_auth_data_of_a_version_changes(clients: ClientFactory) -> None:
    alice = clients.make()
    version = begin(alice)
    place = f"/room_keys/version/{version}"
    body = {"algorithm": ALGORITHM, "auth_data": {"public_key": "new"}}
    assert alice.put(place, body).body == {}
    assert alice.put(place, {**body, "version": version}).body == {}
    assert info(alice, version)["auth_data"] == {"public_key": "new"}
    for wrong in ({**body, "version": "77"}, {**body, "algorithm": "other"}):
        assert alice.put(place, wrong).errcode == "M_INVALID_PARAM"
    assert alice.put(place, {"algorithm": ALGORITHM}).errcode == "M_MISSING_PARAM"


def test_what_is_stored_is_read_again_by_session_by_room_and_in_all(clients: ClientFactory) -> None:
    alice = clients.make()
    version = begin(alice)
    one, two, three = key(1), key(2, 1, True), key(3, data="opaque")
    assert store(alice, version, "a+/=", one).body["count"] == 1
    alice.put(path(version, ROOM), {"sessions": {"two": two}})
    other = "!other:hearth.example"
    last = alice.put(path(version), {"rooms": {other: {"sessions": {"three": three}}}})
    assert last.body == {"count": 3, "etag": info(alice)["etag"]}
    assert alice.get(path(version, ROOM, "a+/=")).body == one
    assert alice.get(path(version, ROOM)).body == {"sessions": {"a+/=": one, "two": two}}
    assert alice.get(path(version)).body == {
        "rooms": {ROOM: {"sessions": {"a+/=": one, "two": two}}, other: {"sessions": {"three": three}}}
    }


def test_what_is_not_there_is_empty_but_a_session_is_missing(clients: ClientFactory) -> None:
    alice = clients.make()
    version = begin(alice)
    assert alice.get(path(version)).body == {"rooms": {}}
    assert alice.get(path(version, ROOM)).body == {"sessions": {}}
    assert alice.get(path(version, ROOM, "none")).errcode == "M_NOT_FOUND"
    assert alice.get("/room_keys/keys").errcode == "M_MISSING_PARAM"


def test_keys_go_to_the_newest_version_only(clients: ClientFactory) -> None:
    alice = clients.make()
    old = begin(alice)
    store(alice, old, "s", key())
    new = begin(alice)
    answer = store(alice, old, "t", key())
    assert (answer.status, answer.errcode) == (403, "M_WRONG_ROOM_KEYS_VERSION")
    assert answer.body["current_version"] == new
    assert list(alice.get(path(old, ROOM)).body["sessions"]) == ["s"]


def test_the_etag_changes_with_the_keys_and_only_then(clients: ClientFactory) -> None:
    alice = clients.make()
    version = begin(alice)
    etags = [info(alice)["etag"]]
    for stored in (key(5), key(4)):
        etags.append(store(alice, version, "s", stored).body["etag"])
    assert len(set(etags)) == 3
    same = [
        store(alice, version, "s", key(4)),
        store(alice, version, "s", key(6)),
        alice.put(path(version), {"rooms": {}}),
        alice.delete(path(version, ROOM, "other")),
    ]
    assert {(answer.body["etag"], answer.body["count"]) for answer in same} == {(etags[-1], 1)}
    gone = alice.delete(path(version, ROOM, "s"))
    assert gone.body["etag"] not in etags
    assert gone.body["count"] == 0


KEYS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), min_size=1, max_size=6)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None, database=None
)
@given(KEYS)
def test_the_better_key_is_kept_in_whatever_order_they_come(
    clients: ClientFactory, uploads: list[tuple[int, int, bool]]
) -> None:
    alice = clients.make()
    version = begin(alice)
    for number, (index, forwarded, verified) in enumerate(uploads):
        store(alice, version, "s", key(index, forwarded, verified, {"number": number}))
    ranks = [(not verified, index, forwarded) for index, forwarded, verified in uploads]
    kept = alice.get(path(version, ROOM, "s")).body
    # Of those that are equally good the first is kept.
    assert kept["session_data"] == {"number": ranks.index(min(ranks))}


def test_a_batch_counts_what_it_adds(clients: ClientFactory) -> None:
    alice = clients.make()
    version = begin(alice)
    store(alice, version, "1", key(5))
    store(alice, version, "2", key(5))
    batch = {"1": key(9), "2": key(1), "3": key(5)}
    answer = alice.put(path(version, ROOM), {"sessions": batch})
    assert answer.body["count"] == 3
    found = alice.get(path(version, ROOM)).body["sessions"]
    assert {name: found[name]["first_message_index"] for name in found} == {"1": 5, "2": 1, "3": 5}


def test_keys_are_deleted_by_session_by_room_and_in_all(clients: ClientFactory) -> None:
    alice = clients.make()
    version = begin(alice)
    other = "!other:hearth.example"
    for room_id in (ROOM, other, "!third:hearth.example"):
        for session_id in ("a", "b"):
            store(alice, version, session_id, key(), room_id)
    counts = [
        alice.delete(path(version, *place)).body["count"] for place in ((ROOM, "a"), (ROOM,), (other,), ())
    ]
    assert counts == [5, 4, 2, 0]
    assert alice.get(path(version)).body == {"rooms": {}}


def test_a_deleted_version_is_gone_and_the_one_before_is_the_newest(clients: ClientFactory) -> None:
    alice = clients.make()
    old, new = begin(alice), begin(alice)
    store(alice, new, "s", key())
    for _ in range(2):
        assert alice.delete(f"/room_keys/version/{new}").body == {}
    assert alice.get(f"/room_keys/version/{new}").errcode == "M_NOT_FOUND"
    assert alice.get(path(new)).errcode == "M_NOT_FOUND"
    assert info(alice)["version"] == old
    assert begin(alice) not in (old, new)
    assert alice.get(path(info(alice)["version"])).body == {"rooms": {}}
    assert db.value("SELECT count(*) FROM key_backup_session") == 0


def test_the_keys_of_a_big_version_are_removed_by_the_worker(
    clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_backup, "REMOVED_AT_ONCE", 10)
    alice = clients.make()
    version, other = begin(alice), begin(clients.make())
    alice.put(path(version, ROOM), {"sessions": {str(number): key() for number in range(35)}})
    alice.delete(f"/room_keys/version/{version}")
    assert db.value("SELECT count(*) FROM key_backup_session") == 25
    assert alice.get(path(version)).errcode == "M_NOT_FOUND"
    assert run_tasks() == ["remove_backup_keys"]
    assert db.value("SELECT count(*) FROM key_backup_session") == 0
    assert other


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"first_message_index": "1"}, "M_BAD_JSON"),
        ({"first_message_index": -1}, "M_INVALID_PARAM"),
        ({"forwarded_count": 2**53}, "M_INVALID_PARAM"),
        ({"is_verified": 1}, "M_BAD_JSON"),
        ({"session_data": 5}, "M_BAD_JSON"),
        ({"session_data": {"ciphertext": "x" * 65_536}}, "M_TOO_LARGE"),
    ],
)
def test_malformed_keys_are_refused(clients: ClientFactory, change: Any, errcode: str) -> None:
    alice = clients.make()
    version = begin(alice)
    assert store(alice, version, "s", {**key(), **change}).errcode == errcode
    assert alice.put(path(version, ROOM), {"sessions": {"s": {**key(), **change}}}).errcode == errcode
    assert alice.get(path(version)).body == {"rooms": {}}


@pytest.mark.parametrize("field", ["first_message_index", "forwarded_count", "is_verified", "session_data"])
def test_incomplete_keys_are_refused(clients: ClientFactory, field: str) -> None:
    alice = clients.make()
    body = {name: value for name, value in key().items() if name != field}
    assert store(alice, begin(alice), "s", body).errcode == "M_MISSING_PARAM"


def test_names_of_rooms_and_sessions_have_limits(clients: ClientFactory) -> None:
    alice = clients.make()
    version = begin(alice)
    assert store(alice, version, "s" * 256, key()).errcode == "M_INVALID_PARAM"
    assert store(alice, version, "s", key(), "!" * 256).errcode == "M_INVALID_PARAM"
    assert alice.get(path(version, "a\0b")).errcode == "M_INVALID_PARAM"
    assert alice.put(path(version), {"rooms": {"": {"sessions": {"s": key()}}}}).errcode == "M_INVALID_PARAM"
    huge = {"algorithm": ALGORITHM, "auth_data": {"x": "x" * 65_536}}
    assert alice.post("/room_keys/version", huge).errcode == "M_TOO_LARGE"
    assert alice.post("/room_keys/version", {**huge, "algorithm": ""}).errcode == "M_INVALID_PARAM"


def test_the_number_of_statements_does_not_grow_with_the_keys(clients: ClientFactory) -> None:
    alice = clients.make()
    version = begin(alice)
    counts = []
    for number in (2, 100):
        body = {"sessions": {f"{number}.{session}": key() for session in range(number)}}
        with recorded() as found:
            assert alice.put(path(version, ROOM), body).status == 200
        counts.append(len(found))
        assert found.scans() == []
    assert counts[0] == counts[1]
