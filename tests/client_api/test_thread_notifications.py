"""What notifies users who subscribe to threads (the push rules of MSC4306)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from matrix_app.storage import db
from tests.factories.client import Client, ClientFactory
from tests.factories.pushing import FakeGateway, add_pusher, pushing
from tests.factories.sending import wait_until
from tests.factories.syncing import sync

pytestmark = pytest.mark.django_db(transaction=True)

RULES = "/pushrules/global/postcontent"
SUBSCRIBED = ".io.element.msc4306.rule.subscribed_thread"
UNSUBSCRIBED = ".io.element.msc4306.rule.unsubscribed_thread"


class Talk:
    """Alice talks to Bob and Carol in a room with two threads."""

    def __init__(self, clients: ClientFactory) -> None:
        self.alice, self.bob, self.carol = clients.many(3)
        self.room_id = self.alice.create_room(preset="public_chat")
        for client in (self.bob, self.carol):
            assert client.change(self.room_id, "join").status == 200
        self.one, self.other = self.say("one"), self.say("other")

    def say(self, text: str, root: str | None = None, mention: Client | None = None) -> str:
        """Alice says something, in a thread or not; the event's ID."""
        content: dict[str, Any] = {"msgtype": "m.text", "body": text}
        if root is not None:
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": root}
        if mention is not None:
            content["m.mentions"] = {"user_ids": [mention.user_id]}
        answer = self.alice.put(f"/rooms/{self.room_id}/send/m.room.message/{quote(text)}", content)
        event_id: str = answer.body["event_id"]
        return event_id

    def subscribe(self, root: str, method: str = "put") -> None:
        """Bob subscribes to a thread, or ends it."""
        path = f"/_matrix/client/unstable/io.element.msc4306/rooms/{self.room_id}/thread/{root}/subscription"
        answer = self.bob.delete(path) if method == "delete" else self.bob.put(path, {})
        assert answer.status == 200

    def read(self) -> None:
        """Bob and Carol have read everything."""
        last = self.say("the last before")
        for client in (self.bob, self.carol):
            assert client.post(f"/rooms/{self.room_id}/receipt/m.read/{last}").status == 200

    def unread(self, client: Client) -> int:
        """How many messages of the room are unread."""
        counts = sync(client)["rooms"]["join"][self.room_id]["unread_notifications"]
        count: int = counts["notification_count"]
        return count

    def notified(self, client: Client) -> dict[str, list[Any]]:
        """What notified, by its text, and how."""
        found = client.get("/notifications").body["notifications"]
        return {item["event"]["content"].get("body"): item["actions"] for item in found}


@pytest.fixture
def talk(clients: ClientFactory) -> Talk:
    return Talk(clients)


def test_users_whose_clients_know_no_subscriptions_are_notified_as_ever(talk: Talk) -> None:
    assert "postcontent" not in talk.bob.get("/pushrules/global/").body
    for rule_id in (SUBSCRIBED, UNSUBSCRIBED):
        assert talk.bob.get(f"{RULES}/{rule_id}").errcode == "M_NOT_FOUND"
        answer = talk.bob.put(f"{RULES}/{rule_id}/enabled", {"enabled": False})
        assert answer.errcode == "M_NOT_FOUND"
    talk.read()
    talk.say("in a thread", talk.one)
    assert talk.unread(talk.bob) == 1
    assert "in a thread" in talk.notified(talk.bob)


def test_from_the_first_subscription_on_threads_notify_by_subscription(talk: Talk) -> None:
    talk.read()
    talk.subscribe(talk.one)
    talk.say("here", talk.one)
    talk.say("there", talk.other)
    talk.say("you there", talk.other, mention=talk.bob)
    talk.say("in the room")
    found = talk.notified(talk.bob)
    assert found["here"] == ["notify", {"set_tweak": "sound", "value": "default"}]
    assert {"set_tweak": "highlight"} in found["you there"]
    assert "there" not in found
    assert "in the room" in found
    assert (talk.unread(talk.bob), talk.unread(talk.carol)) == (3, 4)
    talk.subscribe(talk.one, "delete")
    talk.say("here no more", talk.one)
    assert "here no more" not in talk.notified(talk.bob)
    assert talk.unread(talk.bob) == 3


def test_a_thread_that_is_subscribed_to_notifies_in_a_room_that_does_not(talk: Talk) -> None:
    answer = talk.bob.put(f"/pushrules/global/room/{quote(talk.room_id)}", {"actions": []})
    assert answer.status == 200
    talk.subscribe(talk.one)
    talk.read()
    talk.say("here", talk.one)
    talk.say("in the room")
    assert list(talk.notified(talk.bob)) == ["here"]
    assert talk.unread(talk.bob) == 1


def test_phones_are_told_by_the_same_rules(talk: Talk) -> None:
    gateway = FakeGateway()
    add_pusher(talk.bob)
    talk.subscribe(talk.one)
    with pushing(gateway):
        talk.say("there", talk.other)
        talk.say("here", talk.one)
        wait_until(lambda: gateway.texts() == ["here"])
    assert gateway.events[0]["devices"][0]["tweaks"] == {"sound": "default"}


def test_clients_see_the_rules_and_may_switch_them_off(talk: Talk) -> None:
    since = sync(talk.bob)["next_batch"]
    talk.subscribe(talk.one)
    [told] = [
        event["content"]["global"]
        for event in sync(talk.bob, since)["account_data"]["events"]
        if event["type"] == "m.push_rules"
    ]
    assert [rule["rule_id"] for rule in told["postcontent"]] == [UNSUBSCRIBED, SUBSCRIBED]
    assert list(told) == ["override", "content", "postcontent", "room", "sender", "underride"]
    assert told["postcontent"][1] == {
        "rule_id": SUBSCRIBED,
        "default": True,
        "enabled": True,
        "conditions": [{"kind": "io.element.msc4306.thread_subscription", "subscribed": True}],
        "actions": ["notify", {"set_tweak": "sound", "value": "default"}],
    }
    for rule_id in (SUBSCRIBED, UNSUBSCRIBED):
        assert talk.bob.put(f"{RULES}/{rule_id}/enabled", {"enabled": False}).status == 200
    talk.read()
    talk.say("there", talk.other)
    assert "there" in talk.notified(talk.bob)
    assert talk.unread(talk.bob) == 1


def test_nobody_makes_own_rules_of_the_kind(talk: Talk) -> None:
    talk.subscribe(talk.one)
    rule = {"actions": ["notify"], "conditions": []}
    for rule_id in ("mine", SUBSCRIBED):
        answer = talk.bob.put(f"{RULES}/{rule_id}", rule)
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")
    assert talk.bob.delete(f"{RULES}/{SUBSCRIBED}").errcode == "M_INVALID_PARAM"
    assert talk.bob.get("/pushrules/global/").body["postcontent"][0]["rule_id"] == UNSUBSCRIBED


def test_a_second_subscription_changes_no_rules(talk: Talk) -> None:
    talk.subscribe(talk.one)
    since = sync(talk.bob)["next_batch"]
    talk.subscribe(talk.other)
    events = sync(talk.bob, since, timeout="0").get("account_data", {}).get("events", [])
    assert events == []
    assert db.value("SELECT count(*) FROM thread_subscription") == 2
