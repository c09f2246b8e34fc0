"""Every request that Ketesa makes (its `docs/apis.md`) finds an answer."""

from __future__ import annotations

import itertools
import time
from urllib.parse import quote

import pytest

from appliance.config.sections.limits import RateLimit
from matrix_app.http import rate_limit
from matrix_app.services import long_tasks
from tests.factories.client import Client, ClientFactory
from tests.factories.encryption import CrossSigning
from tests.factories.present_state import membership_of, state_of
from tests.factories.settings import settings

ADMIN = "/_synapse/admin"
V1, V2, V3 = f"{ADMIN}/v1", f"{ADMIN}/v2", f"{ADMIN}/v3"

_transactions = itertools.count()

# What Ketesa reads: the path, and the keys of the answer that it looks at.
READS = [
    (f"{V1}/server_version", {"server_version"}),
    (f"{V2}/users?from=0&limit=10&guests=false&deactivated=false&order_by=name&dir=f", {"users", "total"}),
    (f"{V3}/users?from=0&limit=10&order_by=creation_ts&dir=b&admins=true&locked=true", {"users", "total"}),
    (f"{V2}/users/{{user}}", {"name", "threepids", "admin", "creation_ts", "locked", "suspended"}),
    (f"{V1}/whois/{{user}}", {"user_id", "devices"}),
    (f"{V1}/users/{{user}}/admin", {"admin"}),
    (f"{V1}/users/{{user}}/joined_rooms", {"joined_rooms", "total"}),
    (f"{V1}/users/{{user}}/memberships", {"memberships"}),
    (f"{V1}/users/{{user}}/media?order_by=created_ts&dir=b&from=0&limit=10", {"media", "total"}),
    (f"{V1}/users/{{user}}/accountdata", {"account_data"}),
    (f"{V1}/users/{{user}}/pushers", {"pushers", "total"}),
    (f"{V1}/users/{{user}}/override_ratelimit", set()),
    (f"{V1}/users/{{user}}/sent_invite_count", {"invite_count"}),
    (f"{V1}/users/{{user}}/cumulative_joined_room_count", {"cumulative_joined_room_count"}),
    (f"{V1}/username_available?username=nobody", {"available"}),
    (f"{V2}/users/{{user}}/devices", {"devices", "total"}),
    (f"{V2}/users/{{user}}/devices/DEVICE", {"device_id", "display_name", "last_seen_ip"}),
    (
        f"{V1}/rooms?from=0&limit=10&order_by=state_events&dir=b&search_term=x",
        {"rooms", "total_rooms", "offset"},
    ),
    (f"{V1}/rooms?public_rooms=true&empty_rooms=false", {"rooms", "total_rooms"}),
    (f"{V1}/rooms/{{room}}", {"room_id", "joined_local_devices", "version", "forgotten", "state_events"}),
    (f"{V1}/rooms/{{room}}/members", {"members", "total"}),
    (f"{V1}/rooms/{{room}}/state", {"state"}),
    (f"{V1}/rooms/{{room}}/messages?dir=b&limit=5", {"chunk", "start", "end"}),
    (f"{V1}/rooms/{{room}}/timestamp_to_event?ts=0&dir=f", {"event_id", "origin_server_ts"}),
    (f"{V1}/rooms/{{room}}/context/{{event}}?limit=4", {"event", "events_before", "events_after", "state"}),
    (f"{V1}/rooms/{{room}}/hierarchy", {"rooms"}),
    (f"{V1}/rooms/{{room}}/block", {"block"}),
    (f"{V1}/rooms/{{room}}/forward_extremities", {"count", "results"}),
    (f"{V1}/registration_tokens", {"registration_tokens"}),
    (f"{V1}/registration_tokens?valid=true", {"registration_tokens"}),
    (f"{V1}/room/{{room}}/media", {"local", "remote"}),
    (f"{V1}/event_reports?from=0&limit=10&dir=b", {"event_reports", "total"}),
    (f"{V1}/federation/destinations?from=0&limit=10&order_by=failure_ts&dir=b", {"destinations", "total"}),
    (f"{V1}/experimental_features/{{user}}", {"features"}),
    (f"{V1}/statistics/users/media?from=0&limit=10&order_by=media_length&dir=b", {"users", "total"}),
    (f"{V1}/statistics/database/rooms", {"rooms"}),
    (f"{V1}/background_updates/status", {"enabled", "current_updates"}),
    (f"{V1}/fetch_event/{{event}}", {"event"}),
    (f"{V1}/scheduled_tasks", {"scheduled_tasks"}),
]


@pytest.mark.parametrize(("path", "keys"), READS)
def test_what_ketesa_reads_is_told_to_administrators_only(
    clients: ClientFactory, path: str, keys: set[str]
) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    room_id = alice.create_room(name="x")
    event_id = alice.send(room_id).body["event_id"]
    path = path.format(user=alice.user_id, room=quote(room_id), event=quote(event_id))
    answer = admin.get(path)
    assert answer.status == 200, answer
    assert keys <= answer.body.keys()
    assert alice.get(path).errcode == "M_FORBIDDEN"


def test_users_are_made_changed_and_ended(clients: ClientFactory) -> None:
    admin = clients.make(admin=True)
    path = f"{V2}/users/@new:hearth.example"
    body = {
        "password": "correct horse battery",
        "displayname": "New",
        "threepids": [{"medium": "email", "address": "New@example.org"}],
    }
    made = admin.put(path, body)
    assert made.status == 201, made
    assert (made.body["displayname"], made.body["threepids"][0]["address"]) == ("New", "new@example.org")
    found = admin.get(f"{V1}/threepid/email/users/new@example.org")
    assert found.body == {"user_id": "@new:hearth.example"}
    changed = admin.put(path, {"admin": True, "displayname": None, "threepids": [], "locked": False})
    assert changed.status == 200, changed
    assert (changed.body["admin"], changed.body["displayname"], changed.body["threepids"]) == (True, None, [])
    assert admin.put(f"{V1}/users/@new:hearth.example/admin", {"admin": False}).status == 200
    assert admin.put(path, {"locked": True, "suspended": True}).body["suspended"] is True
    assert admin.put(f"{V1}/suspend/@new:hearth.example", {"suspend": False}).status == 200
    assert admin.put(path, {"locked": False}).body["locked"] is False
    reset = admin.post(f"{V1}/reset_password/@new:hearth.example", {"new_password": "another one, longer"})
    assert reset.status == 200
    assert admin.post(f"{V1}/deactivate/@new:hearth.example", {"erase": True}).status == 200
    ended = admin.get(path).body
    assert (ended["deactivated"], ended["erased"]) == (True, True)
    assert admin.put(path, {"deactivated": False}).status == 409


def test_a_change_that_is_wrong_in_part_is_not_made_at_all(clients: ClientFactory) -> None:
    admin, alice, bob = clients.make(admin=True), clients.make(), clients.make()
    address = [{"medium": "email", "address": "a@example.org"}]
    assert admin.put(f"{V2}/users/{alice.user_id}", {"threepids": address}).status == 200
    for wrong in (
        {"threepids": address},
        {"threepids": [{"medium": "msisdn", "address": "123"}]},
        {"user_type": "bot"},
        {"external_ids": [{"auth_provider": "x", "external_id": "y"}]},
        {"password": "x"},
    ):
        refused = admin.put(f"{V2}/users/{bob.user_id}", {"displayname": "B", "admin": True, **wrong})
        assert refused.status == 400, wrong
    assert admin.get(f"{V2}/users/{bob.user_id}").body["admin"] is False
    assert admin.put(f"{V2}/users/@x:elsewhere.example", {}).status == 400


def test_users_are_listed_by_page_filter_and_order(clients: ClientFactory) -> None:
    admin = clients.make("boss", admin=True)
    others = [clients.make(f"name{index}") for index in range(3)]
    admin.post(f"{V1}/deactivate/{others[2].user_id}")
    first = admin.get(f"{V2}/users?limit=2&order_by=name&dir=b").body
    assert [user["name"] for user in first["users"]] == [others[1].user_id, others[0].user_id]
    rest = admin.get(f"{V2}/users?limit=2&order_by=name&dir=b&from={first['next_token']}").body
    assert ([user["name"] for user in rest["users"]], rest["total"]) == ([admin.user_id], 3)
    assert admin.get(f"{V2}/users?deactivated=true").body["total"] == 4
    assert admin.get(f"{V3}/users").body["total"] == 4
    assert admin.get(f"{V3}/users?deactivated=true").body["total"] == 1
    assert admin.get(f"{V3}/users?admins=true").body["users"][0]["name"] == admin.user_id
    assert admin.get(f"{V3}/users?name=NAME1").body["total"] == 1
    assert admin.get(f"{V3}/users?order_by=shoe_size").errcode == "M_INVALID_PARAM"


def test_devices_are_made_renamed_and_removed(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    path = f"{V2}/users/{alice.user_id}/devices"
    assert admin.post(path, {"device_id": "NEW"}).status == 201
    assert admin.post(path, {"device_id": "NEW"}).status == 409
    assert admin.put(f"{path}/NEW", {"display_name": "Phone"}).status == 200
    assert admin.get(f"{path}/NEW").body["display_name"] == "Phone"
    assert admin.delete(f"{path}/NEW").status == 200
    assert admin.get(f"{path}/NEW").errcode == "M_NOT_FOUND"
    removed = admin.post(f"{V2}/users/{alice.user_id}/delete_devices", {"devices": ["DEVICE"]})
    assert removed.status == 200
    assert alice.get("/account/whoami").errcode == "M_UNKNOWN_TOKEN"


def test_what_this_server_does_not_do_is_refused_clearly(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    user = f"{V1}/users/{alice.user_id}"
    assert admin.post(f"{user}/login").errcode == "M_FORBIDDEN"
    for method, path in (
        ("POST", f"{user}/shadow_ban"),
        ("DELETE", f"{user}/shadow_ban"),
        ("POST", f"{V1}/account_validity/validity"),
    ):
        answer = admin.request(method, path, {})
        assert (answer.errcode, answer.body["error"] != "") == ("M_UNRECOGNIZED", True)
    assert admin.get(f"{V1}/auth_providers/oidc/users/x").errcode == "M_NOT_FOUND"
    features = f"{V1}/experimental_features/{alice.user_id}"
    assert admin.put(features, {"features": {"msc3881": True}}).errcode == "M_INVALID_PARAM"


def test_keys_may_be_replaced_without_a_password_when_an_administrator_lets_them(
    clients: ClientFactory,
) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    path = f"{V1}/users/{alice.user_id}/_allow_cross_signing_replacement_without_uia"
    assert admin.post(path).status == 404
    CrossSigning(alice).upload()
    upload = "/keys/device_signing/upload"
    assert alice.post(upload, CrossSigning(alice).body).status == 403
    assert admin.post(path).body["updatable_without_uia_before_ms"] > time.time() * 1000
    assert alice.post(upload, CrossSigning(alice).body).body == {}
    assert alice.post(path).errcode == "M_FORBIDDEN"


def test_secrets_in_account_data_stay_secret(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    base = f"/user/{alice.user_id}/account_data"
    alice.put(f"{base}/m.secret_storage.key.x", {"iv": "1"})
    alice.put(f"{base}/org.example", {"a": 1})
    room_id = alice.create_room()
    alice.put(f"/user/{alice.user_id}/rooms/{quote(room_id)}/account_data/org.example", {"b": 2})
    data = admin.get(f"{V1}/users/{alice.user_id}/accountdata").body["account_data"]
    assert data["global"]["org.example"] == {"a": 1}
    assert "m.secret_storage.key.x" not in data["global"]
    assert data["rooms"] == {room_id: {"org.example": {"b": 2}}}


def test_invites_and_joins_are_counted(clients: ClientFactory) -> None:
    admin, alice, bob = clients.make(admin=True), clients.make(), clients.make()
    room_id = alice.create_room()
    alice.change(room_id, "invite", user_id=bob.user_id)
    alice.create_room()
    assert admin.get(f"{V1}/users/{alice.user_id}/sent_invite_count").body == {"invite_count": 1}
    joined = f"{V1}/users/{alice.user_id}/cumulative_joined_room_count"
    assert admin.get(joined).body == {"cumulative_joined_room_count": 2}
    assert admin.get(f"{joined}?from_ts=99999999999999").body == {"cumulative_joined_room_count": 0}


def test_messages_are_redacted_where_it_is_asked_for(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    one, other = alice.create_room(), alice.create_room()
    sent = [alice.send(room_id).body["event_id"] for room_id in (one, other)]
    begun = admin.post(f"{V1}/user/{alice.user_id}/redact", {"rooms": [one]})
    status = f"{V1}/user/redact_status/{begun.body['redact_id']}"
    assert admin.get(status).body["status"] == "scheduled"
    long_tasks.run(int(begun.body["redact_id"]))
    assert admin.get(status).body["status"] == "complete"
    contents = [
        alice.get(f"/rooms/{quote(room)}/event/{quote(event)}").body["content"]
        for room, event in zip((one, other), sent, strict=True)
    ]
    assert contents[0] == {}
    assert contents[1] != {}


def _delete(admin: Client, room_id: str, **body: object) -> str:
    answer = admin.request("DELETE", f"{V2}/rooms/{quote(room_id)}", body)
    assert answer.status == 200, answer
    delete_id: str = answer.body["delete_id"]
    return delete_id


def test_a_room_is_deleted_in_the_background_and_its_users_find_another(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    room_id = alice.create_room()
    delete_id = _delete(admin, room_id, new_room_user_id=admin.user_id, block=True, purge=True)
    status = f"{V2}/rooms/delete_status/{delete_id}"
    assert admin.get(status).body["status"] == "scheduled"
    long_tasks.run(int(delete_id))
    done = admin.get(status).body
    assert (done["status"], done["shutdown_room"]["kicked_users"]) == ("complete", [alice.user_id])
    new_id = done["shutdown_room"]["new_room_id"]
    assert membership_of(new_id, alice.user_id) == "join"
    assert state_of(room_id) == {}
    by_room = admin.get(f"{V2}/rooms/{quote(room_id)}/delete_status").body["results"]
    assert [result["delete_id"] for result in by_room] == [delete_id]
    assert admin.get(f"{V2}/rooms/delete_status/999").errcode == "M_NOT_FOUND"


def test_users_are_added_to_rooms_and_made_their_administrators(clients: ClientFactory) -> None:
    admin, alice, bob = clients.make(admin=True), clients.make(), clients.make()
    public = alice.create_room(preset="public_chat", room_alias_name="pub")
    alias = quote("#pub:hearth.example")
    assert admin.post(f"{V1}/join/{alias}", {"user_id": bob.user_id}).body == {"room_id": public}
    assert membership_of(public, bob.user_id) == "join"
    assert admin.post(f"{V1}/rooms/{alias}/make_room_admin", {"user_id": bob.user_id}).status == 200
    private = alice.create_room()
    assert admin.post(f"{V1}/join/{quote(private)}", {"user_id": bob.user_id}).status == 403
    alice.change(private, "invite", user_id=admin.user_id)
    admin.change(private, "join")
    alice.set_state(private, "m.room.power_levels", {"users": {alice.user_id: 100}, "invite": 0})
    assert admin.post(f"{V1}/join/{quote(private)}", {"user_id": bob.user_id}).status == 200
    assert membership_of(private, bob.user_id) == "join"
    assert admin.delete(f"{V1}/rooms/{quote(private)}/forward_extremities").body == {"deleted": 0}


def test_rooms_are_listed_by_page_and_order(clients: ClientFactory) -> None:
    admin, alice, bob = clients.make(admin=True), clients.make(), clients.make()
    small = alice.create_room(name="B small")
    big = alice.create_room(name="A big", preset="public_chat")
    bob.change(big, "join")
    first = admin.get(f"{V1}/rooms?order_by=joined_members&limit=1").body
    assert ([room["room_id"] for room in first["rooms"]], first["total_rooms"]) == ([big], 2)
    rest = admin.get(f"{V1}/rooms?order_by=joined_members&limit=1&from={first['next_batch']}").body
    assert ([room["room_id"] for room in rest["rooms"]], rest["prev_batch"]) == ([small], 0)
    by_name = admin.get(f"{V1}/rooms?order_by=name&dir=b").body["rooms"]
    assert [room["room_id"] for room in by_name] == [small, big]
    assert by_name[0]["creator"] == alice.user_id
    assert by_name[0]["state_events"] >= 5


def test_a_tombstoned_room_names_its_successor(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    room_id = alice.create_room()
    alice.set_state(room_id, "m.room.tombstone", {"body": "gone", "replacement_room": "!new:hearth.example"})
    found = admin.get(f"{V1}/rooms/{quote(room_id)}").body
    assert (found["tombstoned"], found["replacement_room"]) == (True, "!new:hearth.example")


def test_messages_are_read_in_both_directions_and_that_is_noted(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    room_id = alice.create_room()
    sent = [alice.send(room_id).body["event_id"] for _ in range(3)]
    page = admin.get(f"{V1}/rooms/{quote(room_id)}/messages?dir=b&limit=2").body
    assert [event["event_id"] for event in page["chunk"]] == [sent[2], sent[1]]
    more = admin.get(f"{V1}/rooms/{quote(room_id)}/messages?dir=b&limit=1&from={page['end']}").body
    assert [event["event_id"] for event in more["chunk"]] == [sent[0]]
    around = admin.get(f"{V1}/rooms/{quote(room_id)}/context/{quote(sent[1])}?limit=2").body
    assert around["events_before"][0]["event_id"] == sent[0]
    assert around["events_after"][0]["event_id"] == sent[2]


def test_the_tree_below_a_space_is_shown(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    space = alice.create_room(creation_content={"type": "m.space"})
    child = alice.create_room(name="child")
    alice.set_state(space, "m.space.child", {"via": ["hearth.example"]}, child)
    alice.set_state(space, "m.space.child", {"via": ["far.example"]}, "!far:far.example")
    rooms = admin.get(f"{V1}/rooms/{quote(space)}/hierarchy?limit=2").body
    assert rooms["rooms"][0]["room_id"] == space
    rest = admin.get(f"{V1}/rooms/{quote(space)}/hierarchy?limit=2&from={rooms['next_batch']}").body
    assert {room["room_id"] for room in (*rooms["rooms"][1:], *rest["rooms"])} == {child, "!far:far.example"}


def test_registration_tokens_are_kept(clients: ClientFactory) -> None:
    admin, base = clients.make(admin=True), f"{V1}/registration_tokens"
    assert len(admin.post(f"{base}/new", {"length": 8}).body["token"]) == 8
    made = admin.post(f"{base}/new", {"token": "welcome", "uses_allowed": 2, "expiry_time": None})
    assert made.body == {
        "token": "welcome",
        "uses_allowed": 2,
        "pending": 0,
        "completed": 0,
        "expiry_time": None,
    }
    assert admin.put(f"{base}/welcome", {"uses_allowed": 0}).body["uses_allowed"] == 0
    ended = admin.get(f"{base}?valid=false").body["registration_tokens"]
    assert [token["token"] for token in ended] == ["welcome"]
    assert admin.put(f"{base}/welcome", {"expiry_time": None}).body["uses_allowed"] == 0
    assert admin.delete(f"{base}/welcome").status == 200
    assert admin.get(f"{base}/welcome").errcode == "M_NOT_FOUND"
    assert admin.post(f"{base}/new", {"length": 65}).errcode == "M_INVALID_PARAM"
    assert admin.post(f"{base}/new", {"expiry_time": 2**63}).errcode == "M_BAD_JSON"


def test_reports_are_listed_shown_and_removed(clients: ClientFactory) -> None:
    admin, alice, bob = clients.make(admin=True), clients.make(), clients.make()
    room_id = alice.create_room(name="Room", preset="public_chat")
    bob.change(room_id, "join")
    event_id = alice.send(room_id).body["event_id"]
    bob.post(f"/rooms/{quote(room_id)}/report/{quote(event_id)}", {"reason": "no", "score": -5})
    (report,) = admin.get(f"{V1}/event_reports?user_id={bob.user_id}").body["event_reports"]
    assert (report["sender"], report["name"], report["event_id"]) == (alice.user_id, "Room", event_id)
    assert admin.get(f"{V1}/event_reports?event_sender_user_id={bob.user_id}").body["total"] == 0
    path = f"{V1}/event_reports/{report['id']}"
    assert admin.get(path).body["event_json"]["type"] == "m.room.message"
    assert admin.delete(path).status == 200
    assert admin.get(path).errcode == "M_NOT_FOUND"
    assert admin.get(f"{V1}/event_reports/x").errcode == "M_INVALID_PARAM"


def test_an_unknown_server_is_not_found(clients: ClientFactory) -> None:
    admin = clients.make(admin=True)
    for path in ("", "/rooms"):
        answer = admin.get(f"{V1}/federation/destinations/nowhere.example{path}")
        assert answer.errcode == "M_NOT_FOUND"
    reset = admin.post(f"{V1}/federation/destinations/nowhere.example/reset_connection")
    assert reset.errcode == "M_NOT_FOUND"


def test_a_user_has_a_rate_limit_of_their_own(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    path = f"{V1}/users/{alice.user_id}/override_ratelimit"
    room = alice.create_room()
    with settings(rate_limits={"enabled": True, "message": RateLimit(per_second=0.001, burst=1)}):
        assert [_send(alice, room) for _ in range(3)] == [200, 429, 429]
        limit = {"messages_per_second": 1, "burst_count": 3}
        assert admin.post(path, limit).body == admin.get(path).body == limit
        rate_limit.reset()
        assert [_send(alice, room) for _ in range(3)] == [200] * 3
        assert admin.post(path, {}).body == {"messages_per_second": 0, "burst_count": 0}
        assert [_send(alice, room) for _ in range(20)] == [200] * 20
        assert admin.delete(path).body == admin.get(path).body == {}
        rate_limit.reset()
        assert [_send(alice, room) for _ in range(3)] == [200, 429, 429]
    for wrong in ({"messages_per_second": -1}, {"messages_per_second": 1, "burst_count": 0}):
        assert admin.post(path, wrong).errcode == "M_INVALID_PARAM"
    assert admin.post(path, {"messages_per_second": "many"}).errcode == "M_BAD_JSON"
    assert admin.post(f"{V1}/users/@nobody:hearth.example/override_ratelimit", {}).errcode == "M_NOT_FOUND"
    assert alice.post(path, {}).errcode == "M_FORBIDDEN"


def _send(client: Client, room_id: str) -> int:
    path = f"/rooms/{quote(room_id)}/send/m.room.message/{next(_transactions)}"
    return client.put(path, {"msgtype": "m.text", "body": "Hello"}).status
