"""Typing, receipts and presence between two servers."""

from __future__ import annotations

import pytest

from tests.interop.people import Person
from tests.interop.rooms import common_room

pytestmark = pytest.mark.slow


def test_each_side_sees_the_other_type(alice: Person, bob: Person) -> None:
    room = common_room(alice, bob, "12")
    # Twice, since the second time is told in the same words as the first.
    for typist, watcher in ((alice, bob), (bob, alice)) * 2:
        watcher.sync()
        typist.put("rooms", room, "typing", typist.user_id, body={"typing": True, "timeout": 30_000})
        watcher.until(lambda notes: notes.typing.get(room) == [typist.user_id])  # noqa: B023
        typist.put("rooms", room, "typing", typist.user_id, body={"typing": False})
        watcher.until(lambda notes: notes.typing.get(room) == [])


def test_each_side_sees_how_far_the_other_has_read(alice: Person, bob: Person) -> None:
    room = common_room(alice, bob, "12")
    for speaker, reader in ((alice, bob), (bob, alice)):
        root = speaker.say(room, "root")
        relation = {"rel_type": "m.thread", "event_id": root}
        content = {"msgtype": "m.text", "body": "in a thread", "m.relates_to": relation}
        inside = speaker.put("rooms", room, "send", "m.room.message", "t", body=content)["event_id"]
        reader.hears(room, inside)
        reader.post("rooms", room, "receipt", "m.read", root, body={"thread_id": "main"})
        reader.post("rooms", room, "receipt", "m.read", inside, body={"thread_id": root})
        reader.post("rooms", room, "receipt", "m.read.private", inside, body={})
        for event_id, thread in ((root, "main"), (inside, root)):
            key = (room, event_id, "m.read", reader.user_id)
            data = speaker.until(lambda notes: notes.receipts.get(key))  # noqa: B023
            assert data["thread_id"] == thread
            assert data["ts"] > 0
        private = [user_id for _, _, kind, user_id in speaker.notes.receipts if kind == "m.read.private"]
        assert reader.user_id not in private


def test_each_side_sees_whether_the_other_is_online(alice: Person, bob: Person) -> None:
    common_room(alice, bob, "12")
    for shown, watcher in ((alice, bob), (bob, alice)):
        body = {"presence": "unavailable", "status_msg": f"{shown.user_id} has tea"}
        shown.put("presence", shown.user_id, "status", body=body)
        seen = watcher.until(
            lambda notes: (
                (p := notes.presence.get(shown.user_id))  # noqa: B023
                and p.get("status_msg") == body["status_msg"]  # noqa: B023
                and p
            )
        )
        assert seen["presence"] == "unavailable"
