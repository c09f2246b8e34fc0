"""Profiles, and their way into rooms, presence and the directory."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from appliance.config import Config
from appliance.config.current import use_config
from matrix_app import tasks
from matrix_app.services import profile_propagation
from matrix_app.storage import db, events, members, profiles, rooms
from matrix_app.storage.clock import now_ms
from tests.factories.client import Client, ClientFactory


def shown_in(room_id: str, client: Client) -> dict[str, Any]:
    """The content of a user's member event."""
    room = rooms.find(room_id)
    assert room is not None
    row = members.get(room.nid, client.requester.user_nid)
    assert row is not None
    return events.events_by_nid([row.event_nid])[row.event_nid].content


def test_a_field_that_was_set_is_shown_to_everybody(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    assert alice.put(f"/profile/{alice.user_id}/m.tz", {"m.tz": "Europe/Berlin"}).body == {}
    assert alice.put(f"/profile/{alice.user_id}/org.example.x", {"org.example.x": [1.5, None]}).status == 200
    assert bob.get(f"/profile/{alice.user_id}/m.tz").body == {"m.tz": "Europe/Berlin"}
    assert bob.get(f"/profile/{alice.user_id}").body == {
        "m.tz": "Europe/Berlin",
        "org.example.x": [1.5, None],
    }


def test_a_deleted_field_is_gone_and_may_be_deleted_again(clients: ClientFactory) -> None:
    alice = clients.make()
    path = f"/profile/{alice.user_id}/org.example.x"
    alice.put(path, {"org.example.x": 1})
    assert alice.delete(path).body == {}
    assert alice.delete(path).body == {}
    assert alice.get(path).errcode == "M_NOT_FOUND"


def test_a_null_is_a_value_of_a_field_and_not_its_absence(clients: ClientFactory) -> None:
    alice = clients.make()
    path = f"/profile/{alice.user_id}/org.example.x"
    alice.put(path, {"org.example.x": None})
    assert alice.get(path).body == {"org.example.x": None}


def test_clients_of_the_proposal_find_the_fields(clients: ClientFactory) -> None:
    alice = clients.make()
    features = alice.get("/_matrix/client/versions").body["unstable_features"]
    assert features["uk.tcpip.msc4133"]
    assert features["uk.tcpip.msc4133.stable"]
    path = f"/_matrix/client/unstable/uk.tcpip.msc4133/profile/{alice.user_id}/m.tz"
    assert alice.put(path, {"m.tz": "Europe/Paris"}).body == {}
    assert alice.get(path).body == {"m.tz": "Europe/Paris"}


def test_an_empty_display_name_removes_it(clients: ClientFactory) -> None:
    alice = clients.make()
    path = f"/profile/{alice.user_id}/displayname"
    alice.put(path, {"displayname": "Alice"})
    alice.put(path, {"displayname": ""})
    assert alice.get(f"/profile/{alice.user_id}").body == {}
    assert alice.get(path).errcode == "M_NOT_FOUND"


def test_nobody_changes_the_profile_of_another(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    path = f"/profile/{alice.user_id}/displayname"
    assert bob.put(path, {"displayname": "Bob"}).errcode == "M_FORBIDDEN"
    assert bob.delete(path).errcode == "M_FORBIDDEN"


@pytest.mark.parametrize(
    ("field", "body", "errcode"),
    [
        ("displayname", {}, "M_MISSING_PARAM"),
        ("displayname", {"displayname": 5}, "M_INVALID_PARAM"),
        ("displayname", {"displayname": "x" * 257}, "M_INVALID_PARAM"),
        ("m.tz", {"m.tz": None}, "M_INVALID_PARAM"),
        ("Upper", {"Upper": "x"}, "M_INVALID_PARAM"),
        ("x" * 256, {"x" * 256: "x"}, "M_KEY_TOO_LARGE"),
        ("org.example.big", {"org.example.big": "x" * 65536}, "M_PROFILE_TOO_LARGE"),
    ],
)
def test_what_cannot_be_in_a_profile_is_refused(
    clients: ClientFactory, field: str, body: dict[str, Any], errcode: str
) -> None:
    alice = clients.make()
    answer = alice.put(f"/profile/{alice.user_id}/{field}", body)
    assert (answer.status, answer.errcode) == (400, errcode)


def test_the_fields_together_keep_within_the_limit(clients: ClientFactory) -> None:
    alice = clients.make()
    put = [
        alice.put(f"/profile/{alice.user_id}/org.{name}", {f"org.{name}": "x" * 40_000})
        for name in ("a", "b")
    ]
    assert [answer.errcode for answer in put] == [None, "M_PROFILE_TOO_LARGE"]


def test_guests_change_nothing_but_their_name_and_suspended_users_nothing(clients: ClientFactory) -> None:
    guest, suspended = clients.make(guest=True), clients.make(suspended=True)
    assert guest.put(f"/profile/{guest.user_id}/displayname", {"displayname": "G"}).status == 200
    put = guest.put(f"/profile/{guest.user_id}/m.tz", {"m.tz": "UTC"})
    assert put.errcode == "M_GUEST_ACCESS_FORBIDDEN"
    put = suspended.put(f"/profile/{suspended.user_id}/displayname", {"displayname": "S"})
    assert put.errcode == "M_USER_SUSPENDED"


def test_the_owner_may_forbid_changes(clients: ClientFactory, config: Config) -> None:
    alice = clients.make()
    registration = msgspec.structs.replace(config.registration, allow_profile_change=False)
    with use_config(msgspec.structs.replace(config, registration=registration)):
        answer = alice.put(f"/profile/{alice.user_id}/displayname", {"displayname": "A"})
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


def test_who_does_not_exist_has_no_profile(clients: ClientFactory) -> None:
    alice = clients.make()
    assert alice.get("/profile/@nobody:hearth.example").errcode == "M_NOT_FOUND"
    assert alice.get("/profile/@nobody:elsewhere.example").errcode == "M_NOT_FOUND"
    assert alice.get("/profile/nonsense").errcode == "M_INVALID_PARAM"


def test_a_new_name_appears_in_the_rooms_of_its_user(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    bob.put(f"/profile/{bob.user_id}/displayname", {"displayname": "Bobby"})
    bob.put(f"/profile/{bob.user_id}/avatar_url", {"avatar_url": "mxc://hearth.example/bob"})
    shown = {"membership": "join", "displayname": "Bobby", "avatar_url": "mxc://hearth.example/bob"}
    assert shown_in(room_id, bob) == shown
    bob.delete(f"/profile/{bob.user_id}/avatar_url")
    assert shown_in(room_id, bob) == {"membership": "join", "displayname": "Bobby"}


def test_rooms_that_were_left_are_not_told(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    bob.change(room_id, "leave")
    bob.put(f"/profile/{bob.user_id}/displayname", {"displayname": "Bobby"})
    assert shown_in(room_id, bob)["membership"] == "leave"


def test_many_rooms_are_told_by_a_worker(clients: ClientFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = clients.make()
    room_ids = [alice.create_room() for _ in range(4)]
    monkeypatch.setattr(profile_propagation, "AT_ONCE", 3)
    alice.put(f"/profile/{alice.user_id}/displayname", {"displayname": "Alice"})
    told = [shown_in(room_id, alice).get("displayname") for room_id in room_ids]
    assert sorted(told, key=str) == ["Alice", "Alice", "Alice", None]
    tasks.propagate_profile(alice.user_id)
    assert {shown_in(room_id, alice).get("displayname") for room_id in room_ids} == {"Alice"}
    assert profiles.propagation_of(alice.requester.user_nid) is None


def test_what_a_process_that_ended_left_behind_is_finished(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    with db.write():
        profiles.put_field(alice.requester.user_nid, "displayname", "Alice")
        profiles.put_propagation(alice.requester.user_nid, now_ms() - profile_propagation.LATE_MS - 1)
    tasks.propagate_late_profiles()
    assert shown_in(room_id, alice)["displayname"] == "Alice"
    assert profiles.propagation_of(alice.requester.user_nid) is None


def test_a_profile_may_have_just_under_64_kib(clients: ClientFactory) -> None:
    alice = clients.make()
    body = {"org.example.big": "x" * 65_400}
    assert alice.put(f"/profile/{alice.user_id}/org.example.big", body).status == 200
