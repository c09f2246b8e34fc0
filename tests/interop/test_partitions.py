"""Servers that could not reach each other for a while agree again."""

from __future__ import annotations

import pytest

from tests.interop.conftest import Pair
from tests.interop.people import Person, eventually
from tests.interop.rooms import agree, become, common_room, empower

pytestmark = pytest.mark.slow


def test_both_sides_of_a_partition_come_to_the_same_state(
    pair: Pair, alice: Person, bob: Person, version: str
) -> None:
    room = common_room(alice, bob, version)
    empower(alice, room, bob, 100)
    carol, dave = pair.host.person("carol"), pair.guest.person("dave")
    erin, frank = pair.host.person("erin"), pair.guest.person("frank")
    for person in (carol, dave):
        person.join(room, via=alice)
    for person in (carol, dave):
        become(alice, room, person, "join")
        become(bob, room, person, "join")
    gates = (pair.host.gate, pair.guest.gate)
    pair.neighbourhood.gates.cut(*gates)
    try:
        said = [change(alice, room, dave, erin, "Alice's"), change(bob, room, carol, frank, "Bob's")]
        for _ in range(12):
            said += [alice.say(room, "hello?"), bob.say(room, "hello?")]
        assert alice.state(room) != bob.state(room)
    finally:
        pair.neighbourhood.gates.join(*gates)
    # Either of them shows life.
    bob.get("profile", alice.user_id)
    alice.say(room, "there you are")
    agree(room, alice, bob)
    for person in (alice, bob):
        eventually(lambda: ids_of(person, room) >= set(said))  # noqa: B023
        # Both bans and both joins hold. Of two who may do the same, the later one has the last word.
        members = {who.user_id: person.membership(room, who.user_id) for who in (carol, dave, erin, frank)}
        assert list(members.values()) == ["ban", "ban", "join", "join"]
        assert person.state_content(room, "m.room.topic") == {"topic": "Bob's"}
        levels = person.state_content(room, "m.room.power_levels")
        assert levels["events"]["org.example.thing"] == 50
    last = bob.say(room, "we agree")
    alice.hears(room, last)
    agree(room, alice, bob)


def ids_of(reader: Person, room: str) -> set[str]:
    """Every event of the room that can be read by paging back."""
    found = reader.history(room, lambda events: events[-1]["type"] == "m.room.create")
    return {event["event_id"] for event in found}


def change(who: Person, room: str, victim: Person, newcomer: Person, mark: str) -> str:
    """Changes the power levels, the topic and the members, as far as the user may; the ID of the topic."""
    levels = who.state_content(room, "m.room.power_levels")
    levels["events"] = levels.get("events", {}) | {"org.example.thing": 7 if mark == "Alice's" else 50}
    who.set_state(room, "m.room.power_levels", levels)
    who.act("ban", room, user_id=victim.user_id)
    newcomer.join(room, via=who)
    return who.set_state(room, "m.room.topic", {"topic": mark})
