"""Receipts and markers, and what they leave unread."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.services.read_marks import sweep
from matrix_app.storage import db, rooms, unread_counts
from matrix_app.storage.unread_counts import RoomCounts
from tests.factories.client import Client, ClientFactory
from tests.factories.syncing import sync


@pytest.fixture
def talk(clients: ClientFactory) -> Talk:
    return Talk(clients)


class Talk:
    """A room with Alice, who talks, and Bob, who reads."""

    def __init__(self, clients: ClientFactory) -> None:
        self.alice, self.bob = clients.many(2)
        self.room_id = self.alice.create_room(preset="public_chat")
        self.bob.change(self.room_id, "join")
        self._sent = 0

    def say(self, *, thread: str | None = None, mention: bool = False, relates: Any = None) -> str:
        """Alice sends a message; its event ID."""
        content: dict[str, Any] = {"msgtype": "m.text", "body": "hello"}
        if thread is not None:
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread}
        if relates is not None:
            content["m.relates_to"] = relates
        if mention:
            content["m.mentions"] = {"user_ids": [self.bob.user_id]}
        self._sent += 1
        answer = self.alice.put(f"/rooms/{self.room_id}/send/m.room.message/m{self._sent}", content)
        event_id: str = answer.body["event_id"]
        return event_id

    def read(self, event_id: str, thread_id: str | None = None, kind: str = "m.read") -> Any:
        """Bob sends a receipt; the answer."""
        body = {} if thread_id is None else {"thread_id": thread_id}
        return self.bob.post(f"/rooms/{self.room_id}/receipt/{kind}/{event_id}", body)

    def counts(self) -> RoomCounts:
        """What is unread for Bob."""
        room = rooms.find(self.room_id)
        assert room is not None
        return unread_counts.counts(self.bob.requester.user_nid, [room.nid])[room.nid]

    def seen_by(self, client: Client, since: str) -> list[dict[str, Any]]:
        """The contents of the receipts in a sync."""
        joined = sync(client, since).get("rooms", {}).get("join", {}).get(self.room_id, {})
        events = joined.get("ephemeral", {}).get("events", [])
        return [event["content"] for event in events if event["type"] == "m.receipt"]


def test_a_receipt_reads_all_before_it_and_nothing_behind(talk: Talk) -> None:
    _, second, _ = talk.say(), talk.say(mention=True), talk.say()
    assert (talk.counts().notification, talk.counts().highlight) == (3, 1)
    assert talk.read(second).body == {}
    assert talk.counts() == RoomCounts(1, 0)


def test_a_receipt_never_goes_back(talk: Talk) -> None:
    first, second = talk.say(), talk.say()
    since = sync(talk.alice)["next_batch"]
    talk.read(second)
    talk.read(first)
    assert talk.counts() == RoomCounts()
    assert [list(content) for content in talk.seen_by(talk.alice, since)] == [[second]]


def test_a_private_receipt_is_told_to_its_user_alone(talk: Talk) -> None:
    event_id = talk.say()
    starts = {client: sync(client)["next_batch"] for client in (talk.alice, talk.bob)}
    assert talk.read(event_id, kind="m.read.private").status == 200
    assert talk.seen_by(talk.alice, starts[talk.alice]) == []
    own = talk.seen_by(talk.bob, starts[talk.bob])
    assert list(own[0][event_id]) == ["m.read.private"]
    counts = sync(talk.bob)["rooms"]["join"][talk.room_id]["unread_notifications"]
    assert counts == {"notification_count": 0, "highlight_count": 0}


def test_of_public_and_private_receipts_the_later_one_counts(talk: Talk) -> None:
    first, second = talk.say(), talk.say()
    talk.read(second, kind="m.read.private")
    since = sync(talk.alice)["next_batch"]
    talk.read(first)
    assert talk.counts() == RoomCounts()
    # Others still see the public one move.
    assert [list(content) for content in talk.seen_by(talk.alice, since)] == [[first]]


def test_threads_are_counted_and_read_apart(talk: Talk) -> None:
    root, other_root = talk.say(), talk.say()
    reply, _ = talk.say(thread=root), talk.say(thread=root, mention=True)
    talk.say(thread=other_root)
    assert talk.counts() == RoomCounts(2, 0, {root: (2, 1), other_root: (1, 0)})
    talk.read(reply, root)
    assert talk.counts() == RoomCounts(2, 0, {root: (1, 1), other_root: (1, 0)})
    talk.read(other_root, "main")
    assert talk.counts() == RoomCounts(0, 0, {root: (1, 1), other_root: (1, 0)})


def test_an_unthreaded_receipt_reads_every_timeline_up_to_its_event(talk: Talk) -> None:
    root = talk.say()
    talk.say(thread=root)
    middle = talk.say()
    talk.say(thread=root, mention=True)
    talk.read(middle)
    assert talk.counts() == RoomCounts(0, 0, {root: (1, 1)})


def test_a_threaded_receipt_carries_its_thread(talk: Talk) -> None:
    root = talk.say()
    reply = talk.say(thread=root)
    since = sync(talk.alice)["next_batch"]
    talk.read(reply, root)
    (content,) = talk.seen_by(talk.alice, since)
    assert content[reply]["m.read"][talk.bob.user_id]["thread_id"] == root


def test_an_event_that_relates_to_one_in_a_thread_is_read_there(talk: Talk) -> None:
    root = talk.say()
    reply = talk.say(thread=root)
    edit = talk.say(relates={"rel_type": "m.replace", "event_id": reply})
    assert talk.read(edit, root).status == 200
    assert talk.read(edit, "main").errcode == "M_INVALID_PARAM"


@pytest.mark.parametrize("thread_id", ["", "$unknown", 5, None])
def test_a_thread_that_the_event_is_not_in_is_refused(talk: Talk, thread_id: Any) -> None:
    event_id = talk.say()
    answer = talk.bob.post(f"/rooms/{talk.room_id}/receipt/m.read/{event_id}", {"thread_id": thread_id})
    assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")


def test_a_receipt_needs_a_known_type_a_room_one_is_in_and_an_event_of_it(talk: Talk) -> None:
    event_id = talk.say()
    elsewhere = talk.alice.create_room()
    foreign = talk.alice.send(elsewhere).body["event_id"]
    assert talk.read(event_id, kind="m.odd").errcode == "M_INVALID_PARAM"
    assert talk.read(event_id, "main", kind="m.fully_read").errcode == "M_INVALID_PARAM"
    assert talk.read(foreign).errcode == "M_NOT_FOUND"
    assert talk.bob.post(f"/rooms/{elsewhere}/receipt/m.read/{foreign}").errcode == "M_FORBIDDEN"


def test_the_fully_read_marker_is_account_data_of_the_room(talk: Talk) -> None:
    first, second = talk.say(), talk.say()
    path = f"/rooms/{talk.room_id}/read_markers"
    assert talk.bob.post(path, {"m.fully_read": second, "m.read": first}).body == {}
    assert talk.counts() == RoomCounts(1, 0)
    assert talk.read(first, kind="m.fully_read").status == 200
    kept = talk.bob.get(f"/user/{talk.bob.user_id}/rooms/{talk.room_id}/account_data/m.fully_read")
    assert kept.body == {"event_id": second}


def test_a_muted_room_counts_nothing_and_one_for_mentions_only_those(talk: Talk) -> None:
    rules = "/pushrules/global"
    talk.bob.put(f"{rules}/room/{talk.room_id}", {"actions": []})
    talk.say()
    talk.say(mention=True)
    assert talk.counts() == RoomCounts(1, 1)
    condition = {"kind": "event_match", "key": "room_id", "pattern": talk.room_id}
    talk.bob.put(f"{rules}/override/{talk.room_id}", {"actions": [], "conditions": [condition]})
    talk.read(talk.say(mention=True))
    talk.say(mention=True)
    assert talk.counts() == RoomCounts()


def test_own_messages_are_not_unread(talk: Talk) -> None:
    talk.say(mention=True)
    talk.bob.send(talk.room_id)
    assert talk.counts() == RoomCounts()


def test_entries_behind_a_mark_count_for_nothing_and_are_removed_later(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matrix_app.services.read_marks.BATCH", 2)
    for _ in range(4):
        talk.say(mention=True)
    talk.read(talk.say(mention=True))
    assert talk.counts() == RoomCounts()
    talk.say(mention=True)
    assert (sweep(), talk.counts()) == (5, RoomCounts(1, 1))
    talk.read(talk.say())
    assert sweep() == 1
    assert db.value("SELECT count(*) FROM unread_total") == 0
    talk.say(mention=True)
    assert talk.counts() == RoomCounts(1, 1)
