"""What reaches a push gateway, and when."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from matrix_app.push import delivery, pump
from matrix_app.services.delete_devices import delete_devices
from matrix_app.storage import db, push_queue, pushers
from tests.factories.client import Client, ClientFactory
from tests.factories.pushing import FakeGateway, add_pusher, pushing
from tests.factories.sending import wait_until
from tests.factories.syncing import sync

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "BADGE_SECONDS", 0.05)
    monkeypatch.setattr(pump, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(pump, "SWEEP_SECONDS", 0.1)
    monkeypatch.setattr(delivery, "FIRST_RETRY_MS", 50)


class Talk:
    """Alice talks to Bob, who has a phone."""

    def __init__(self, clients: ClientFactory, *, others: int = 0, **data: Any) -> None:
        self.alice, self.bob, self.carol, *more = clients.many(3 + others)
        self.room_id = self.alice.create_room(preset="public_chat", name="Garden")
        for client in (self.bob, self.carol, *more):
            assert client.change(self.room_id, "join").status == 200
        self.gateway = FakeGateway()
        add_pusher(self.bob, **data)

    def mention(self, body: str = "look") -> str:
        """A message that names Bob."""
        content = {"msgtype": "m.text", "body": body, "m.mentions": {"user_ids": [self.bob.user_id]}}
        path = f"/rooms/{quote(self.room_id)}/send/m.room.message/{quote(body)}"
        event_id: str = self.alice.put(path, content).body["event_id"]
        return event_id

    def read(self, event_id: str) -> None:
        """Bob reads, elsewhere."""
        assert self.bob.post(f"/rooms/{self.room_id}/receipt/m.read/{event_id}").status == 200


@pytest.fixture
def talk(clients: ClientFactory) -> Talk:
    return Talk(clients)


def waiting(client: Client) -> int:
    """How many notifications wait for a user's pushers."""
    nids = [pusher.nid for pusher in pushers.of_user(client.requester.user_nid)]
    return sum(len(push_queue.of_pusher(nid, 100)) for nid in nids)


def test_a_message_is_pushed_with_what_the_specification_names(talk: Talk) -> None:
    with pushing(talk.gateway):
        event_id = talk.mention()
        wait_until(lambda: talk.gateway.events)
    [found] = talk.gateway.events
    [device] = found.pop("devices")
    assert found == {
        "event_id": event_id,
        "id": event_id,
        "room_id": talk.room_id,
        "type": "m.room.message",
        "sender": talk.alice.user_id,
        "sender_display_name": talk.alice.user_id[1:].partition(":")[0],
        "room_name": "Garden",
        "prio": "high",
        "content": {
            "msgtype": "m.text",
            "body": "look",
            "m.mentions": {"user_ids": [talk.bob.user_id]},
        },
        "counts": {"unread": 1},
    }
    assert device.pop("pushkey_ts") > 1_700_000_000
    assert device == {
        "app_id": "org.example.app",
        "pushkey": "key",
        "data": {},
        "tweaks": {"sound": "default", "highlight": True},
    }


def test_a_client_that_wants_ids_only_gets_no_more(clients: ClientFactory) -> None:
    talk = Talk(clients, format="event_id_only", extra="kept")
    with pushing(talk.gateway):
        event_id = talk.mention()
        wait_until(lambda: talk.gateway.events)
    [found] = talk.gateway.events
    assert set(found) == {"event_id", "room_id", "counts", "prio", "devices"}
    assert found["event_id"] == event_id
    assert found["devices"][0]["data"] == {"format": "event_id_only", "extra": "kept"}


def test_messages_come_in_order_with_a_count_that_agrees_with_sync_and_never_to_their_sender(
    talk: Talk,
) -> None:
    add_pusher(talk.alice, "alice's")
    with pushing(talk.gateway):
        for number in range(5):
            talk.alice.send(talk.room_id, f"m{number}")
        wait_until(lambda: len(talk.gateway.events) == 5)
    assert talk.gateway.texts() == [f"m{number}" for number in range(5)]
    assert {found["devices"][0]["pushkey"] for found in talk.gateway.events} == {"key"}
    counted = sync(talk.bob)["rooms"]["join"][talk.room_id]["unread_notifications"]
    assert talk.gateway.events[-1]["counts"] == {"unread": counted["notification_count"]} == {"unread": 5}
    # No rule gives a plain message in a bigger room a sound.
    assert talk.gateway.events[0]["prio"] == "low"


def test_invites_calls_and_encrypted_messages_wake_the_phone(clients: ClientFactory) -> None:
    talk = Talk(clients, others=1)
    with pushing(talk.gateway):
        path = f"/rooms/{quote(talk.room_id)}/send"
        talk.alice.put(f"{path}/m.call.invite/1", {"call_id": "1", "version": "1"})
        talk.alice.put(f"{path}/m.room.encrypted/2", {"algorithm": "m.megolm.v1.aes-sha2"})
        talk.alice.create_room(invite=[talk.bob.user_id])
        wait_until(lambda: len(talk.gateway.events) == 3)
    kinds = {found["type"]: found for found in talk.gateway.events}
    assert set(kinds) == {"m.call.invite", "m.room.encrypted", "m.room.member"}
    assert {found["prio"] for found in kinds.values()} == {"high"}
    assert kinds["m.call.invite"]["devices"][0]["tweaks"] == {"sound": "ring"}
    assert kinds["m.room.member"]["user_is_target"] is True


def test_reading_elsewhere_tells_the_phone_once(talk: Talk) -> None:
    with pushing(talk.gateway):
        first, second = talk.mention("a"), talk.mention("b")
        wait_until(lambda: len(talk.gateway.events) == 2)
        talk.read(first)
        talk.read(second)
        wait_until(lambda: talk.gateway.badges)
        talk.read(second)
    assert talk.gateway.badges[-1] == 0
    assert len(talk.gateway.badges) <= 2


def test_a_client_that_counts_by_itself_gets_no_counts(clients: ClientFactory) -> None:
    talk = Talk(clients, **{"org.matrix.msc4076.disable_badge_count": True})
    with pushing(talk.gateway):
        first = talk.mention("a")
        wait_until(lambda: talk.gateway.events)
        talk.read(first)
        talk.mention("b")
        wait_until(lambda: len(talk.gateway.events) == 2)
    assert all("counts" not in found for found in talk.gateway.notified)


def test_a_gateway_that_fails_gets_everything_in_order_once_it_is_back(talk: Talk) -> None:
    talk.gateway.is_down = True
    with pushing(talk.gateway):
        for text in "abc":
            talk.mention(text)
        wait_until(lambda: talk.gateway.attempts >= 2)
        [pusher] = pushers.of_user(talk.bob.requester.user_nid)
        assert pusher.fault == "push.example.org took too long"
        assert pusher.failing_since_ts is not None
        talk.gateway.is_down = False
        wait_until(lambda: len(talk.gateway.events) == 3)
    assert talk.gateway.texts() == ["a", "b", "c"]
    [pusher] = pushers.of_user(talk.bob.requester.user_nid)
    assert (pusher.fault, pusher.failing_since_ts, pusher.failures) == (None, None, 0)


def test_what_was_read_or_redacted_while_a_gateway_was_down_is_not_pushed(talk: Talk) -> None:
    talk.gateway.status, talk.gateway.wait_seconds = 502, 600
    with pushing(talk.gateway):
        read, redacted, last = talk.mention("a"), talk.mention("b"), talk.mention("c")
        wait_until(lambda: waiting(talk.bob) == 3 and talk.gateway.attempts)
        wait_until(lambda: pushers.of_user(talk.bob.requester.user_nid)[0].retry_ts)
        talk.read(read)
        assert talk.alice.put(f"/rooms/{talk.room_id}/redact/{redacted}/t", {}).status == 200
        talk.gateway.status = 200
        with db.write():
            db.execute("UPDATE pusher SET retry_ts = 1")
        wait_until(lambda: talk.gateway.events and waiting(talk.bob) == 0)
    assert [found["event_id"] for found in talk.gateway.events] == [last]


def test_a_gateway_may_say_how_long_it_wants_to_be_left_alone(talk: Talk) -> None:
    talk.gateway.status, talk.gateway.wait_seconds = 429, 600
    with pushing(talk.gateway):
        talk.mention()
        wait_until(lambda: pushers.of_user(talk.bob.requester.user_nid)[0].retry_ts)
        [pusher] = pushers.of_user(talk.bob.requester.user_nid)
    assert pusher.retry_ts is not None
    assert pusher.failing_since_ts is not None
    assert pusher.retry_ts - pusher.failing_since_ts >= 480_000
    assert talk.gateway.attempts == 1


def test_after_a_day_of_failing_only_what_is_newer_is_pushed(talk: Talk) -> None:
    talk.gateway.is_down = True
    with pushing(talk.gateway):
        talk.mention("old")
        wait_until(lambda: talk.gateway.attempts)
        with db.write():
            db.execute("UPDATE push_due SET created_ts = created_ts - 90000000")
        talk.mention("new")
        talk.gateway.is_down = False
        wait_until(lambda: talk.gateway.events)
    assert talk.gateway.texts() == ["new"]


def test_a_rejected_push_key_ends_its_pusher_and_no_other(talk: Talk) -> None:
    add_pusher(talk.bob, "second")
    talk.gateway.rejected = ["key", "somebody else's"]
    with pushing(talk.gateway):
        talk.mention()
        wait_until(lambda: len(pushers.of_user(talk.bob.requester.user_nid)) == 1)
        wait_until(lambda: len(talk.gateway.events) == 2)
    assert [row.pushkey for row in pushers.of_user(talk.bob.requester.user_nid)] == ["second"]
    assert waiting(talk.bob) == 0


def test_a_restart_loses_nothing_and_repeats_nothing(talk: Talk) -> None:
    with pushing(talk.gateway):
        talk.mention("a")
        wait_until(lambda: talk.gateway.events)
    talk.mention("b")
    talk.mention("c")
    with pushing(talk.gateway):
        wait_until(lambda: len(talk.gateway.events) == 3)
    with pushing(talk.gateway):
        talk.mention("d")
        wait_until(lambda: len(talk.gateway.events) == 4)
    assert talk.gateway.texts() == ["a", "b", "c", "d"]


def test_a_pusher_ends_with_its_device(talk: Talk) -> None:
    add_pusher(talk.carol, "carol's")
    with pushing(talk.gateway):
        delete_devices(talk.bob.requester.user_nid, ["DEVICE"])
        talk.mention()
        wait_until(lambda: talk.gateway.events)
    assert [found["devices"][0]["pushkey"] for found in talk.gateway.events] == ["carol's"]


def test_a_new_pusher_is_not_told_of_what_came_before(talk: Talk) -> None:
    with pushing(talk.gateway):
        talk.mention("old")
        wait_until(lambda: talk.gateway.events)
    talk.mention("before")
    add_pusher(talk.bob, "second")
    talk.mention("after")
    with pushing(talk.gateway):
        wait_until(lambda: len(talk.gateway.events) == 4)
    pushed = [(found["devices"][0]["pushkey"], found["content"]["body"]) for found in talk.gateway.events]
    assert [body for key, body in pushed if key == "second"] == ["after"]


def test_muted_rooms_and_ignored_people_are_not_pushed(talk: Talk) -> None:
    add_pusher(talk.carol, "carol's")
    user_data = f"/user/{talk.bob.user_id}/account_data/m.ignored_user_list"
    talk.bob.put(user_data, {"ignored_users": {talk.alice.user_id: {}}})
    with pushing(talk.gateway):
        talk.mention("ignored")
        wait_until(lambda: talk.gateway.events)
        talk.bob.put(user_data, {"ignored_users": {}})
        talk.bob.put(f"/pushrules/global/room/{talk.room_id}", {"actions": []})
        talk.alice.send(talk.room_id, "muted")
        talk.mention("named all the same")
        wait_until(lambda: len(talk.gateway.events) == 4)
    pushed = [(found["devices"][0]["pushkey"], found["content"]["body"]) for found in talk.gateway.events]
    assert [body for key, body in pushed if key == "key"] == ["named all the same"]
    assert [body for key, body in pushed if key == "carol's"] == ["ignored", "muted", "named all the same"]
