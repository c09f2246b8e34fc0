"""What administrators do with rooms."""

from __future__ import annotations

from matrix_app.storage import db
from tests.factories.client import Answer, Client, ClientFactory
from tests.factories.present_state import membership_of, room_of, state_of

ROOMS = "/_synapse/admin/v1/rooms"


def shut_down(admin: Client, room_id: str, **body: object) -> Answer:
    return admin.request("DELETE", f"{ROOMS}/{room_id}", body)


def test_a_room_is_closed_and_its_users_find_themselves_in_another(clients: ClientFactory) -> None:
    admin, alice, bob, staff = clients.make(admin=True), *clients.many(3)
    room_id = alice.create_room(preset="public_chat", room_alias_name="pub", visibility="public")
    bob.change(room_id, "join")
    answer = shut_down(admin, room_id, new_room_user_id=staff.user_id, block=True, purge=False)
    assert answer.status == 200
    new_id = answer.body["new_room_id"]
    assert set(answer.body["kicked_users"]) == {alice.user_id, bob.user_id}
    assert answer.body["local_aliases"] == ["#pub:hearth.example"]
    for client in (alice, bob):
        assert client.send(room_id).errcode == "M_FORBIDDEN"
        assert client.change(room_id, "join").errcode == "M_FORBIDDEN"
        assert membership_of(new_id, client.user_id) == "join"
        assert client.send(new_id).errcode == "M_FORBIDDEN"
    assert staff.send(new_id).status == 200
    assert alice.get("/directory/room/%23pub:hearth.example").body["room_id"] == new_id
    assert alice.get("/publicRooms").body["chunk"] == []


def test_a_purged_room_leaves_only_its_name_behind(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    room_id = alice.create_room(room_alias_name="pub")
    alice.send(room_id)
    nid = room_of(room_id).nid
    assert shut_down(admin, room_id).body["new_room_id"] is None
    for table in ("event", "current_state", "membership", "state_snapshot", "room_summary"):
        assert db.value(f"SELECT count(*) FROM {table} WHERE room_nid = %s", (nid,)) == 0
    assert state_of(room_id) == {}
    assert alice.send(room_id).status == 403
    assert alice.post(f"/join/{room_id}").status == 404
    assert alice.create_room(room_alias_name="pub")


def test_rooms_are_blocked_and_released(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    path = f"{ROOMS}/{alice.create_room()}/block"
    assert admin.get(path).body == {"block": False}
    assert admin.put(path, {"block": True}).body == {"block": True}
    assert admin.get(path).body == {"block": True}
    assert admin.put(path, {"block": False}).body == {"block": False}


def test_only_administrators_do_this(clients: ClientFactory) -> None:
    alice, admin = clients.make(), clients.make(admin=True)
    room_id = alice.create_room()
    assert shut_down(alice, room_id).errcode == "M_FORBIDDEN"
    assert alice.get(f"{ROOMS}/{room_id}/block").errcode == "M_FORBIDDEN"
    assert shut_down(admin, "!unknown:hearth.example").errcode == "M_NOT_FOUND"
    assert shut_down(admin, room_id, new_room_user_id="@x:other.example").errcode == "M_INVALID_PARAM"
