"""Account data, tags and filters."""

from __future__ import annotations

import msgspec

from appliance.config import Config
from appliance.config.current import use_config
from tests.factories.client import ClientFactory
from tests.factories.syncing import sync


def test_account_data_is_kept_for_its_user_alone(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    path = f"/user/{alice.user_id}/account_data/org.example"
    assert alice.put(path, {"a": 1.5}).body == {}
    assert alice.get(path).body == {"a": 1.5}
    assert bob.get(path).errcode == "M_FORBIDDEN"
    assert bob.put(path, {}).errcode == "M_FORBIDDEN"
    assert alice.get(f"/user/{alice.user_id}/account_data/org.other").errcode == "M_NOT_FOUND"


def test_account_data_of_a_room_is_apart_from_the_global_one(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    path = f"/user/{alice.user_id}/rooms/{room_id}/account_data/org.example"
    assert alice.put(path, {"in": "room"}).status == 200
    assert alice.get(path).body == {"in": "room"}
    assert alice.get(f"/user/{alice.user_id}/account_data/org.example").errcode == "M_NOT_FOUND"
    wrong = f"/user/{alice.user_id}/rooms/nonsense/account_data/org.example"
    assert alice.put(wrong, {}).errcode == "M_INVALID_PARAM"
    assert alice.get(wrong).errcode == "M_INVALID_PARAM"


def test_types_that_the_server_manages_cannot_be_set(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    for place in ("", f"/rooms/{room_id}"):
        for data_type in ("m.fully_read", "m.push_rules"):
            answer = alice.put(f"/user/{alice.user_id}{place}/account_data/{data_type}", {})
            assert (answer.status, answer.errcode) == (405, "M_BAD_JSON")
    assert "global" in alice.get(f"/user/{alice.user_id}/account_data/m.push_rules").body


def test_account_data_that_are_too_large_are_refused(clients: ClientFactory, config: Config) -> None:
    alice = clients.make()
    limits = msgspec.structs.replace(config.limits, account_data_bytes=100)
    with use_config(msgspec.structs.replace(config, limits=limits)):
        answer = alice.put(f"/user/{alice.user_id}/account_data/org.example", {"a": "x" * 100})
    assert (answer.status, answer.errcode) == (413, "M_TOO_LARGE")


def test_names_with_nul_bytes_are_refused_and_those_in_contents_do_no_harm(clients: ClientFactory) -> None:
    alice = clients.make()
    path = f"/user/{alice.user_id}/account_data"
    assert alice.put(f"{path}/a%00b", {}).errcode == "M_INVALID_PARAM"
    assert alice.put(f"{path}/m.ignored_user_list", {"ignored_users": {"@a\0b:x": {}}}).status == 200
    alice.create_room()
    assert len(sync(alice)["rooms"]["join"]) == 1


def test_account_data_reach_the_other_clients_of_the_user(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    since = sync(alice)["next_batch"]
    alice.put(f"/user/{alice.user_id}/account_data/org.example", {"a": 1})
    alice.put(f"/user/{alice.user_id}/rooms/{room_id}/account_data/org.example", {"b": 2})
    body = sync(alice, since)
    assert body["account_data"]["events"] == [{"type": "org.example", "content": {"a": 1}}]
    of_room = body["rooms"]["join"][room_id]["account_data"]["events"]
    assert of_room == [{"type": "org.example", "content": {"b": 2}}]


def test_tags_are_added_changed_and_removed(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    path = f"/user/{alice.user_id}/rooms/{room_id}/tags"
    assert alice.get(path).body == {"tags": {}}
    alice.put(f"{path}/u.work", {"order": 0.25})
    alice.put(f"{path}/m.favourite", {})
    assert alice.get(path).body == {"tags": {"u.work": {"order": 0.25}, "m.favourite": {}}}
    alice.put(f"{path}/u.work", {"order": 0.5})
    alice.delete(f"{path}/m.favourite")
    assert alice.get(path).body == {"tags": {"u.work": {"order": 0.5}}}


def test_a_tag_has_no_more_than_255_bytes(clients: ClientFactory) -> None:
    alice = clients.make()
    path = f"/user/{alice.user_id}/rooms/{alice.create_room()}/tags"
    assert alice.put(f"{path}/{'x' * 255}", {}).status == 200
    assert alice.put(f"{path}/{'x' * 256}", {}).errcode == "M_INVALID_PARAM"


def test_taking_off_a_tag_that_is_not_there_tells_nobody(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    since = sync(alice)["next_batch"]
    assert alice.delete(f"/user/{alice.user_id}/rooms/{room_id}/tags/u.no").status == 200
    assert sync(alice, since)["next_batch"] == since


def test_the_same_filter_has_the_same_id(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    path = f"/user/{alice.user_id}/filter"
    first = alice.post(path, {"room": {"timeline": {"limit": 5}}}).body["filter_id"]
    other = alice.post(path, {"event_format": "client"}).body["filter_id"]
    assert alice.post(path, {"room": {"timeline": {"limit": 5}}}).body["filter_id"] == first != other
    assert alice.get(f"{path}/{first}").body == {"room": {"timeline": {"limit": 5}}}
    assert bob.get(f"{path}/{first}").errcode == "M_FORBIDDEN"


def test_a_filter_that_is_none_is_refused_and_an_unknown_one_not_found(clients: ClientFactory) -> None:
    alice = clients.make()
    path = f"/user/{alice.user_id}/filter"
    assert alice.post(path, {"room": {"rooms": "all"}}).errcode == "M_BAD_JSON"
    for unknown in ("7", "x", "99999999999999999999"):
        assert alice.get(f"{path}/{unknown}").errcode == "M_NOT_FOUND"
