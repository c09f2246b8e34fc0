"""Push rules, pushers and the list of notifications."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.services import pushers as pushers_service
from matrix_app.services.delete_devices import delete_devices
from matrix_app.storage import members, rooms
from tests.factories.client import Client, ClientFactory
from tests.factories.syncing import sync

RULES = "/pushrules/global"
PUSHER: dict[str, Any] = {
    "kind": "http",
    "app_id": "org.example.app",
    "pushkey": "key",
    "app_display_name": "App",
    "device_display_name": "Phone",
    "lang": "en",
    "data": {"url": "https://push.example/_matrix/push/v1/notify", "format": "event_id_only"},
}


def test_a_new_user_has_the_predefined_rules(clients: ClientFactory) -> None:
    alice = clients.make()
    rules = alice.get("/pushrules/").body["global"]
    assert alice.get(f"{RULES}/").body == rules
    assert rules["override"][0]["rule_id"] == ".m.rule.master"
    assert alice.get(f"{RULES}/override/.m.rule.master/enabled").body == {"enabled": False}


def test_an_own_rule_is_made_placed_changed_and_deleted(clients: ClientFactory) -> None:
    alice = clients.make()
    body = {"actions": ["notify"], "pattern": "cake"}
    for rule_id, place in (
        ("one", ""),
        ("two", "?before=&after="),
        ("three", "?after=two"),
        ("four", "?before=one"),
    ):
        assert alice.put(f"{RULES}/content/{rule_id}{place}", body).body == {}
    own = [rule["rule_id"] for rule in alice.get(f"{RULES}/").body["content"] if not rule["default"]]
    assert own == ["two", "three", "four", "one"]
    assert alice.put(f"{RULES}/content/one/actions", {"actions": []}).status == 200
    assert alice.put(f"{RULES}/content/one/enabled", {"enabled": False}).status == 200
    assert alice.get(f"{RULES}/content/one/actions").body == {"actions": []}
    one = alice.get(f"{RULES}/content/one").body
    assert (one["enabled"], one["pattern"], one["default"]) == (False, "cake", False)
    assert alice.delete(f"{RULES}/content/one").body == {}
    assert alice.get(f"{RULES}/content/one").errcode == "M_NOT_FOUND"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/content/.m.own", {"actions": [], "pattern": "x"}, 400),
        ("/odd/x", {"actions": []}, 400),
        ("/content/x", {"actions": []}, 400),
        ("/room/x?before=unknown", {"actions": []}, 400),
        ("/room/x/enabled", {"enabled": True}, 404),
        ("/room/x/odd", {"enabled": True}, 400),
    ],
)
def test_what_is_no_rule_is_refused(clients: ClientFactory, path: str, body: Any, status: int) -> None:
    assert clients.make().put(f"{RULES}{path}", body).status == status


def test_a_change_reaches_the_other_clients(clients: ClientFactory) -> None:
    alice = clients.make()
    since = sync(alice)["next_batch"]
    alice.put(f"{RULES}/override/.m.rule.master/enabled", {"enabled": True})
    (event,) = sync(alice, since)["account_data"]["events"]
    assert event["type"] == "m.push_rules"
    assert event["content"]["global"]["override"][0]["enabled"] is True


def test_a_user_is_evaluated_alone_only_while_they_have_rules_of_their_own(clients: ClientFactory) -> None:
    alice = clients.make()
    room = rooms.find(alice.create_room())
    assert room is not None
    assert members.custom_push_users(room.nid) == []
    alice.put(f"{RULES}/override/.m.rule.master/enabled", {"enabled": True})
    assert members.custom_push_users(room.nid) == [alice.requester.user_nid]
    alice.put(f"{RULES}/override/.m.rule.master/enabled", {"enabled": False})
    assert members.custom_push_users(room.nid) == []


def test_a_pusher_is_set_changed_and_removed(clients: ClientFactory) -> None:
    alice = clients.make()
    assert alice.post("/pushers/set", PUSHER).body == {}
    assert alice.get("/pushers").body == {"pushers": [PUSHER]}
    alice.post("/pushers/set", {**PUSHER, "lang": "de"})
    assert [pusher["lang"] for pusher in alice.get("/pushers").body["pushers"]] == ["de"]
    alice.post("/pushers/set", {"kind": None, "app_id": PUSHER["app_id"], "pushkey": PUSHER["pushkey"]})
    assert alice.get("/pushers").body == {"pushers": []}


def test_a_push_key_moves_to_the_user_who_set_it_last_unless_it_is_shared(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    alice.post("/pushers/set", PUSHER)
    bob.post("/pushers/set", {**PUSHER, "append": True})
    assert _count(alice) == _count(bob) == 1
    carol.post("/pushers/set", PUSHER)
    assert (_count(alice), _count(bob), _count(carol)) == (0, 0, 1)


def test_a_user_has_only_so_many_pushers(clients: ClientFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushers_service, "MOST_PUSHERS", 2)
    alice = clients.make()
    answers = [alice.post("/pushers/set", PUSHER | {"pushkey": key}) for key in ("a", "b", "c", "b")]
    assert [answer.status for answer in answers] == [200, 200, 403, 200]
    assert _count(alice) == 2


def _count(client: Client) -> int:
    return len(client.get("/pushers").body["pushers"])


def test_a_pusher_goes_with_its_device(clients: ClientFactory) -> None:
    alice = clients.make()
    alice.post("/pushers/set", PUSHER)
    pusher_of = alice.requester.user_nid
    delete_devices(pusher_of, ["DEVICE"])
    from matrix_app.storage import pushers

    assert pushers.of_user(pusher_of) == []


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"data": {}}, "M_MISSING_PARAM"),
        ({"data": {"url": "http://push.example/_matrix/push/v1/notify"}}, "M_INVALID_PARAM"),
        ({"data": {"url": "https://push.example/elsewhere"}}, "M_INVALID_PARAM"),
        ({"data": {"url": "https://[broken/_matrix/push/v1/notify"}}, "M_INVALID_PARAM"),
        ({"data": {"url": "https://push.example:99999/_matrix/push/v1/notify"}}, "M_INVALID_PARAM"),
        ({"data": {"url": "https://push example/_matrix/push/v1/notify"}}, "M_INVALID_PARAM"),
        ({"lang": None}, "M_MISSING_PARAM"),
        ({"kind": "pigeon"}, "M_INVALID_PARAM"),
        ({"kind": "email"}, "M_INVALID_PARAM"),
        ({"app_id": "x" * 65}, "M_INVALID_PARAM"),
        ({"pushkey": "ä" * 257}, "M_INVALID_PARAM"),
        ({"pushkey": 5}, "M_BAD_JSON"),
        ({"pushkey": "a\0b"}, "M_INVALID_PARAM"),
    ],
)
def test_a_pusher_that_could_not_work_is_refused(
    clients: ClientFactory, change: dict[str, Any], errcode: str
) -> None:
    answer = clients.make().post("/pushers/set", PUSHER | change)
    assert (answer.status, answer.errcode) == (400, errcode)


def test_notifications_are_listed_newest_first_over_all_rooms(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    rooms_of_both = [alice.create_room(preset="public_chat") for _ in range(2)]
    before = alice.send(rooms_of_both[0]).body["event_id"]
    for room_id in rooms_of_both:
        bob.change(room_id, "join")
    sent = [alice.send(rooms_of_both[number % 2]).body["event_id"] for number in range(4)]
    bob.send(rooms_of_both[0])
    first = bob.get("/notifications?limit=3").body
    rest = bob.get(f"/notifications?from={first['next_token']}").body
    listed = [item["event"]["event_id"] for item in first["notifications"] + rest["notifications"]]
    assert listed == sent[::-1]
    assert before not in listed
    assert "next_token" not in rest


def test_invites_are_listed_among_notifications(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    invited_to = alice.create_room(invite=[bob.user_id])
    message = alice.send(room_id).body["event_id"]
    ignored: dict[str, Any] = {"ignored_users": {carol.user_id: {}}}
    bob.put(f"/user/{bob.user_id}/account_data/m.ignored_user_list", ignored)
    carol.create_room(invite=[bob.user_id])
    first = bob.get("/notifications?limit=1").body
    assert [item["event"]["event_id"] for item in first["notifications"]] == [message]
    rest = bob.get(f"/notifications?from={first['next_token']}").body
    (invite,) = rest["notifications"]
    assert (invite["room_id"], invite["event"]["content"]["membership"]) == (invited_to, "invite")
    assert (invite["read"], invite["actions"][0]) == (False, "notify")


def test_notifications_say_what_was_read_and_may_be_highlights_only(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    first = alice.send(room_id).body["event_id"]
    content = {"msgtype": "m.text", "body": "you", "m.mentions": {"user_ids": [bob.user_id]}}
    alice.put(f"/rooms/{room_id}/send/m.room.message/x", content)
    bob.post(f"/rooms/{room_id}/receipt/m.read/{first}")
    listed = bob.get("/notifications").body["notifications"]
    assert [item["read"] for item in listed] == [False, True]
    assert listed[0]["room_id"] == room_id
    highlights = bob.get("/notifications?only=highlight").body["notifications"]
    assert [item["event"]["content"]["body"] for item in highlights] == ["you"]


@pytest.mark.parametrize(("key", "notifies"), [("room", True), ("org.example.alarm", False), ("other", True)])
def test_an_own_rule_may_ask_what_the_sender_may_notify_of(
    clients: ClientFactory, key: str, notifies: bool
) -> None:
    alice, bob, carol = clients.many(3)
    levels = {"users": {alice.user_id: 60}, "notifications": {"org.example.alarm": 70}}
    room_id = carol.create_room(preset="public_chat", power_level_content_override=levels)
    for client in (alice, bob):
        client.change(room_id, "join")
    conditions = [{"kind": "sender_notification_permission", "key": key}]
    loud = ["notify", {"set_tweak": "highlight"}]
    bob.put("/pushrules/global/override/own", {"conditions": conditions, "actions": loud})
    alice.send(room_id, "may say so")
    listed = bob.get("/notifications?only=highlight").body["notifications"]
    assert bool(listed) is notifies
    counts = sync(bob)["rooms"]["join"][room_id]["unread_notifications"]
    assert counts == {"notification_count": 1, "highlight_count": int(notifies)}
