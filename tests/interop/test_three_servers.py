"""Two Hearths and a Synapse in the same rooms."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.interop.people import Person, Refused, eventually
from tests.interop.rooms import agree, become, empower
from tests.interop.servers import Neighbourhood

pytestmark = pytest.mark.slow


class Three(NamedTuple):
    """Somebody at each server."""

    alice: Person
    bob: Person
    carol: Person

    def room(self, version: str, **more: Any) -> str:
        """A room of Alice's that all three are in, and know each other to be."""
        room = self.alice.create_room(version, **more)
        for newcomer in (self.bob, self.carol):
            newcomer.join(room, via=self.alice)
        for witness in self:
            for newcomer in (self.bob, self.carol):
                become(witness, room, newcomer, "join")
        return room


@pytest.fixture
def three(neighbourhood: Neighbourhood) -> Three:
    names = zip(("hearth", "other", "synapse"), ("alice", "bob", "carol"), strict=True)
    return Three(*(neighbourhood.house(kind).person(name) for kind, name in names))


@pytest.mark.parametrize("version", ["10", "12"])
def test_what_one_says_is_heard_by_both_others_once(three: Three, version: str) -> None:
    room = three.room(version)
    said = [speaker.say(room, f"{turn}") for turn in range(3) for speaker in three]
    for listener in three:
        for event_id in said:
            listener.hears(room, event_id)
        listener.sync()
        heard = listener.get("rooms", room, "messages", dir="b", limit=100)["chunk"]
        assert sorted(e["event_id"] for e in heard if e["type"] == "m.room.message") == sorted(said)
    agree(room, *three)


@pytest.mark.parametrize("version", ["10", "12"])
def test_three_servers_that_were_apart_come_to_the_same_state(
    neighbourhood: Neighbourhood, three: Three, version: str
) -> None:
    room = three.room(version)
    for moderator in three[1:]:
        empower(three.alice, room, moderator, 100)
    houses = [neighbourhood.house(kind) for kind in ("hearth", "other", "synapse")]
    victims = [house.person("victim") for house in houses]
    for victim in victims:
        victim.join(room, via=three.alice)
        for witness in three:
            become(witness, room, victim, "join")
    neighbourhood.gates.cut(*(house.gate for house in houses))
    try:
        for number, person in enumerate(three):
            person.act("kick", room, user_id=victims[number - 1].user_id)
            person.set_state(room, "m.room.topic", {"topic": person.user_id})
            levels = person.state_content(room, "m.room.power_levels")
            person.set_state(room, "m.room.power_levels", levels | {"state_default": 60 + number})
            person.set_state(room, "org.example.mine", {"number": number}, person.user_id)
    finally:
        neighbourhood.gates.join(*(house.gate for house in houses))
    # Everybody shows life.
    said = [person.say(room, "there you are") for person in three]
    three.carol.get("profile", three.alice.user_id)
    three.carol.get("profile", three.bob.user_id)
    agree(room, *three)
    for person in three:
        assert [person.membership(room, victim.user_id) for victim in victims] == ["leave"] * 3
        mine = [person.state_content(room, "org.example.mine", one.user_id)["number"] for one in three]
        assert mine == [0, 1, 2]
        assert person.state_content(room, "m.room.power_levels")["state_default"] == 62
        for event_id in said:
            eventually(lambda: person.event(room, event_id))  # noqa: B023


def test_a_restricted_room_is_joined_by_way_of_the_next_server_where_one_may_not_let_users_in(
    three: Three,
) -> None:
    space = three.alice.create_room("12", creation_content={"type": "m.space"})
    rule = {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": space}]}
    state = [{"type": "m.room.join_rules", "state_key": "", "content": rule}]
    levels = {"invite": 50}
    room = three.alice.create_room("12", initial_state=state, power_level_content_override=levels)
    for newcomer in (three.carol, three.bob):
        newcomer.join(space, via=three.alice)
        become(three.alice, space, newcomer, "join")
    three.carol.join(room, via=three.alice)
    become(three.alice, room, three.carol, "join")
    become(three.carol, space, three.bob, "join")
    with pytest.raises(Refused):
        three.bob.join(room, via=three.carol)
    servers = [three.carol.server_name, three.alice.server_name]
    three.bob.post("join", room, server_name=servers, via=servers)
    for witness in three:
        become(witness, room, three.bob, "join")
    agree(room, *three)


def test_an_upgraded_room_is_followed_to_the_new_one(three: Three) -> None:
    room = three.room("11")
    new = three.alice.post("rooms", room, "upgrade", body={"new_version": "12"})["replacement_room"]
    for newcomer in three[1:]:
        tombstone = eventually(lambda: newcomer.state_content(room, "m.room.tombstone"))  # noqa: B023
        assert tombstone["replacement_room"] == new
        newcomer.join(new, via=three.alice)
    for witness in three:
        for newcomer in three[1:]:
            become(witness, new, newcomer, "join")
        assert witness.state_content(new, "m.room.create")["predecessor"]["room_id"] == room
    agree(new, *three)
