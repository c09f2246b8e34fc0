"""Messages, state and redactions between two servers, in rooms of old and new versions."""

from __future__ import annotations

import pytest

from tests.interop.people import Person, Refused, eventually
from tests.interop.rooms import agree, common_room, empower

pytestmark = pytest.mark.slow


def test_messages_are_heard_at_both_servers_in_their_order(alice: Person, bob: Person, version: str) -> None:
    room = common_room(alice, bob, version)
    said = [speaker.say(room, f"{turn}") for turn in range(3) for speaker in (alice, alice, bob, bob)]
    for listener in (alice, bob):
        for event_id in said:
            listener.hears(room, event_id)
        heard = [event_id for event_id in listener.notes.timeline(room) if event_id in said]
        for speaker in (alice, bob):
            own = [e for e in heard if listener.notes.timeline(room)[e]["sender"] == speaker.user_id]
            assert own == [e for e in said if e in own]
            assert len(own) == 6


def test_both_servers_agree_about_state_that_either_changes(alice: Person, bob: Person, version: str) -> None:
    room = common_room(alice, bob, version)
    with pytest.raises(Refused):
        bob.set_state(room, "m.room.topic", {"topic": "not yours"})
    empower(alice, room, bob, 50)
    alice.set_state(room, "org.example.thing", {"is": "alice's"}, "key")
    topic = bob.set_state(room, "m.room.topic", {"topic": "Tea"})
    alice.hears(room, topic)
    assert alice.state_content(room, "m.room.topic")["topic"] == "Tea"
    agree(room, alice, bob)


def test_what_is_redacted_is_gone_at_both_servers(alice: Person, bob: Person, version: str) -> None:
    room = common_room(alice, bob, version)
    slips = [alice.say(room, "Alice's slip"), bob.say(room, "Bob's slip"), bob.say(room, "Bob's other slip")]
    kept = alice.say(room, "kept")
    for event_id in (*slips, kept):
        alice.hears(room, event_id)
        bob.hears(room, event_id)
    redactions = [redact(alice, room, slips[0]), redact(alice, room, slips[1]), redact(bob, room, slips[2])]
    with pytest.raises(Refused):
        redact(bob, room, kept)
    for person in (alice, bob):
        for redaction, slip in zip(redactions, slips, strict=True):
            shown = person.hears(room, redaction)
            assert (shown["redacts"], shown["content"].get("redacts", slip)) == (slip, slip)
            redacted = eventually(lambda: gone(person, room, slip))  # noqa: B023
            assert redacted["unsigned"]["redacted_because"]["event_id"] == redaction
        assert person.event(room, kept)["content"]["body"] == "kept"


def redact(person: Person, room: str, event_id: str) -> str:
    answer = person.put("rooms", room, "redact", event_id, "1" + event_id, body={"reason": "a slip"})
    return str(answer["event_id"])


def gone(person: Person, room: str, event_id: str) -> dict | None:
    event = person.event(room, event_id)
    return None if event["content"] else event


@pytest.mark.parametrize("old", ["1", "2", "3", "4", "5", "7", "8", "9"])
def test_rooms_of_every_other_version_can_be_shared_too(alice: Person, bob: Person, old: str) -> None:
    room = common_room(alice, bob, old)
    for speaker, listener in ((alice, bob), (bob, alice)):
        said = speaker.say(room, "hello")
        listener.hears(room, said)
        listener.hears(room, redact(speaker, room, said))
        eventually(lambda: gone(listener, room, said))  # noqa: B023
    alice.set_state(room, "m.room.topic", {"topic": "Tea"})
    agree(room, alice, bob)
