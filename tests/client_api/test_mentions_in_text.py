"""Mentions in the text of messages that do not say whom they mention (ADR 9)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from matrix_app.services import named_members
from tests.factories.client import Client, ClientFactory
from tests.factories.pushing import FakeGateway, add_pusher, pushing
from tests.factories.sending import wait_until
from tests.factories.settings import settings
from tests.factories.sliding import room_list, sliding
from tests.factories.statements import recorded
from tests.factories.syncing import sync

pytestmark = pytest.mark.django_db(transaction=True)

RULES = "/pushrules/global"
DISPLAY_NAME = "override/.m.rule.contains_display_name"
USER_NAME = "content/.m.rule.contains_user_name"
ROOM = "override/.m.rule.roomnotif"
LOUD = {"sound": "default", "highlight": True}


class Talk:
    """Alice talks to Bob, who is called Robert (away), and to Carol, who has no name."""

    def __init__(self, clients: ClientFactory) -> None:
        self.alice, self.bob, self.carol = (clients.make(name) for name in ("alice", "bob", "carol"))
        self.room_id = self.alice.create_room(preset="public_chat")
        for client in (self.bob, self.carol):
            assert client.change(self.room_id, "join").status == 200
        self.rename(self.bob, "Robert (away)")
        self.serial = 0

    def rename(self, client: Client, name: str) -> None:
        """The user is called so in the room."""
        content = {"membership": "join", "displayname": name}
        assert client.set_state(self.room_id, "m.room.member", content, client.user_id).status == 200

    def say(self, text: str, mentions: Any = None, *, sender: Client | None = None) -> str:
        """Somebody says something; the event's ID."""
        self.serial += 1
        path = f"/rooms/{quote(self.room_id)}/send/m.room.message/t{self.serial}"
        said = {} if mentions is None else {"m.mentions": mentions}
        answer = (sender or self.alice).put(path, {"msgtype": "m.text", "body": text, **said})
        event_id: str = answer.body["event_id"]
        return event_id

    def unread(self, client: Client) -> tuple[int, int]:
        """(notifications, highlights) by both kinds of sync, which agree with the list of notifications."""
        told = sync(client)["rooms"]["join"][self.room_id]["unread_notifications"]
        counts = (told["notification_count"], told["highlight_count"])
        room = sliding(client, lists={"all": room_list()})["rooms"][self.room_id]
        assert (room["notification_count"], room["highlight_count"]) == counts
        listed = [len(self.listed(client, query)) for query in ("", "?only=highlight")]
        assert tuple(listed) == counts
        return counts

    def listed(self, client: Client, query: str = "") -> list[Any]:
        """What is listed as unread."""
        found = client.get(f"/notifications{query}").body["notifications"]
        return [item["event"]["content"].get("body") for item in found if not item["read"]]


@pytest.fixture
def talk(clients: ClientFactory) -> Talk:
    return Talk(clients)


def test_names_and_user_names_in_a_text_highlight_it_for_those_whom_they_name(talk: Talk) -> None:
    talk.say("hello")
    talk.say("hello ROBERT (AWAY)!")
    talk.say(f"hello {talk.bob.user_id}")
    talk.say("bob, carol: hello")
    talk.say("robert, bobby, carols")
    assert talk.unread(talk.bob) == (5, 3)
    assert talk.unread(talk.carol) == (5, 1)
    talk.say("alice says hello")
    assert talk.unread(talk.alice) == (0, 0)


def test_a_message_that_says_whom_it_mentions_is_not_searched(talk: Talk) -> None:
    talk.say("hello bob", {})
    talk.say("hello bob @room", {"user_ids": [talk.carol.user_id]})
    assert talk.unread(talk.bob) == (2, 0)
    assert talk.unread(talk.carol) == (2, 1)


def test_the_room_is_called_by_those_who_may(talk: Talk) -> None:
    talk.say("hey @ROOM")
    talk.say("hey @room", sender=talk.carol)
    assert talk.unread(talk.bob) == (2, 1)


def test_a_room_for_mentions_only_notifies_of_names(talk: Talk) -> None:
    assert talk.bob.put(f"{RULES}/room/{talk.room_id}", {"actions": []}).status == 200
    talk.say("hello")
    talk.say("hello robert (away)")
    talk.say("hello bob")
    talk.say("hello @room")
    assert talk.unread(talk.bob) == (3, 3)


def test_a_name_counts_from_when_it_is_taken_and_as_long_as_one_stays(talk: Talk) -> None:
    talk.rename(talk.carol, "Юля")
    talk.say("привет, юля")
    assert talk.unread(talk.carol) == (1, 1)
    talk.rename(talk.bob, "")
    talk.say("robert (away)?")
    assert talk.unread(talk.bob)[1] == 0
    assert talk.carol.change(talk.room_id, "leave").status == 200
    talk.say("юля?")
    assert talk.carol.change(talk.room_id, "join").status == 200
    assert talk.unread(talk.carol) == (0, 0)


def test_rules_that_were_switched_off_or_changed_are_kept_to(talk: Talk) -> None:
    talk.bob.put(f"{RULES}/{DISPLAY_NAME}/enabled", {"enabled": False})
    talk.bob.put(f"{RULES}/{USER_NAME}/actions", {"actions": []})
    talk.bob.put(f"{RULES}/{ROOM}/actions", {"actions": ["notify"]})
    talk.say("robert (away)")
    talk.say("bob")
    talk.say("@room")
    assert talk.unread(talk.bob) == (2, 0)
    assert talk.unread(talk.carol) == (3, 1)


def test_who_has_rules_of_their_own_is_mentioned_all_the_same(talk: Talk) -> None:
    talk.bob.put(f"{RULES}/content/cake", {"actions": ["notify"], "pattern": "c?ke"})
    talk.say("robert (away) likes cake")
    talk.say("bob likes cake")
    talk.say("cake")
    assert talk.unread(talk.bob) == (3, 1)


def test_ignored_people_mention_nobody(talk: Talk) -> None:
    data = f"/user/{talk.bob.user_id}/account_data/m.ignored_user_list"
    talk.bob.put(data, {"ignored_users": {talk.alice.user_id: {}}})
    talk.say("hello bob")
    told = sync(talk.bob)["rooms"]["join"][talk.room_id]["unread_notifications"]
    assert told == {"notification_count": 0, "highlight_count": 0}


def test_state_with_a_text_may_mention(talk: Talk) -> None:
    assert talk.alice.set_state(talk.room_id, "org.example.note", {"body": "for bob"}).status == 200
    assert talk.unread(talk.bob) == (1, 1)
    assert talk.unread(talk.carol) == (0, 0)


def test_without_the_setting_there_are_no_such_rules_but_changes_of_them_are_kept(talk: Talk) -> None:
    assert talk.bob.put(f"{RULES}/{USER_NAME}/enabled", {"enabled": False}).status == 200
    with settings(push={"mentions_in_text": False}):
        for rule in (DISPLAY_NAME, USER_NAME, ROOM):
            assert talk.bob.get(f"{RULES}/{rule}").errcode == "M_NOT_FOUND"
            answer = talk.bob.put(f"{RULES}/{rule}/enabled", {"enabled": True})
            assert answer.errcode == "M_NOT_FOUND"
        assert talk.bob.get(f"{RULES}/").body["content"] == []
        assert talk.bob.get(f"{RULES}/content/").body == []
        talk.say("hello robert (away), bob, carol and @room")
        assert talk.unread(talk.bob) == talk.unread(talk.carol) == (1, 0)
    rules = sync(talk.bob)["account_data"]["events"]
    [rule] = next(event for event in rules if event["type"] == "m.push_rules")["content"]["global"]["content"]
    assert (rule["rule_id"], rule["pattern"], rule["enabled"]) == (".m.rule.contains_user_name", "bob", False)


def test_more_members_cost_no_more_statements(talk: Talk, clients: ClientFactory) -> None:
    def statements() -> int:
        talk.say("once, so that the names are known")
        with recorded() as found:
            talk.say("hello")
        return len(found)

    few = statements()
    for number in range(5):
        other = clients.make()
        assert other.change(talk.room_id, "join").status == 200
        talk.rename(other, f"Somebody {number}")
    assert statements() == few
    with settings(push={"mentions_in_text": False}):
        assert statements() == few


def test_in_too_big_a_room_names_are_no_mentions_but_rules_of_ones_own_are_kept_to(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_members, "MOST_MEMBERS", 2)
    body = {
        "actions": ["notify", {"set_tweak": "highlight"}],
        "conditions": [{"kind": "contains_display_name"}],
    }
    talk.bob.put(f"{RULES}/override/mine", body)
    talk.say("hello robert (away) and carol")
    talk.say("hello bob")
    talk.say("@room")
    counts = [sync(client)["rooms"]["join"][talk.room_id] for client in (talk.bob, talk.carol)]
    assert [told["unread_notifications"]["highlight_count"] for told in counts] == [2, 1]


def test_a_mention_in_a_text_is_pushed_from_a_room_for_mentions_only(talk: Talk) -> None:
    add_pusher(talk.bob)
    talk.bob.put(f"{RULES}/room/{talk.room_id}", {"actions": ["dont_notify"]})
    gateway = FakeGateway()
    with pushing(gateway):
        talk.say("first")
        talk.say(f"second - {talk.bob.user_id}")
        wait_until(lambda: gateway.events)
        talk.say("third, robert (away)")
        wait_until(lambda: len(gateway.events) == 2)
    assert gateway.texts() == [f"second - {talk.bob.user_id}", "third, robert (away)"]
    assert [found["devices"][0]["tweaks"] for found in gateway.events] == [LOUD, LOUD]
    assert gateway.events[-1]["counts"] == {"unread": 2}
