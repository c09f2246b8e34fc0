"""Whatever people do on both sides of a partition, the servers agree afterwards."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.interop.conftest import Pair
from tests.interop.people import Person, Refused
from tests.interop.rooms import agree, become, common_room

pytestmark = pytest.mark.slow

STEPS = 25


class Crowd:
    """People of one server who do this and that in a room."""

    def __init__(
        self, room: str, people: Sequence[Person], everybody: Sequence[Person], chance: random.Random
    ) -> None:
        self._room, self._people, self._everybody, self._chance = room, people, everybody, chance

    def act(self) -> None:
        """One of them does something, if they may."""
        who, whom = self._chance.choice(self._people), self._chance.choice(self._everybody)
        deed = self._chance.choice([self._say, self._name, self._move, self._move, self._empower, self._open])
        try:
            deed(who, whom)
        except Refused as refusal:
            if refusal.status not in (400, 403, 404):
                raise

    def _say(self, who: Person, _whom: Person) -> None:
        said = who.say(self._room, "hello")
        if self._chance.random() < 0.3:
            who.put("rooms", self._room, "redact", said, f"r{self._chance.random()}", body={})

    def _name(self, who: Person, _whom: Person) -> None:
        kind = self._chance.choice(["m.room.topic", "m.room.name", "org.example.state"])
        key = {"m.room.topic": "topic", "m.room.name": "name"}.get(kind, "value")
        who.set_state(self._room, kind, {key: f"{self._chance.random()}"})

    def _move(self, who: Person, whom: Person) -> None:
        what = self._chance.choice(["kick", "ban", "unban", "leave", "join", "join"])
        if what == "join":
            who.join(self._room)
        elif what == "leave":
            if who is not self._people[0]:
                who.act("leave", self._room)
        else:
            who.act(what, self._room, user_id=whom.user_id)

    def _empower(self, who: Person, whom: Person) -> None:
        levels = who.state_content(self._room, "m.room.power_levels")
        levels["users"] = levels.get("users", {}) | {whom.user_id: self._chance.choice([0, 25, 50, 75, 100])}
        who.set_state(self._room, "m.room.power_levels", levels)

    def _open(self, who: Person, _whom: Person) -> None:
        rule = self._chance.choice(["public", "public", "invite"])
        who.set_state(self._room, "m.room.join_rules", {"join_rule": rule})


@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("version", ["6", "12"])
def test_servers_agree_after_everything_that_people_do_apart(
    pair: Pair, alice: Person, bob: Person, version: str, seed: int
) -> None:
    chance = random.Random(f"{version} {seed}")
    room = common_room(alice, bob, version)
    here, there = [alice], [bob]
    for name in ("one", "two", "three"):
        here.append(pair.host.person(name))
        there.append(pair.guest.person(name))
    levels = alice.state_content(room, "m.room.power_levels")
    levels["users"] = levels.get("users", {}) | {
        bob.user_id: 100,
        here[1].user_id: 100,
        there[1].user_id: 100,
    }
    alice.set_state(room, "m.room.power_levels", levels)
    for person in (*here[1:], *there[1:]):
        person.join(room, via=alice)
        become(alice, room, person, "join")
    agree(room, alice, bob)
    # Nobody does anything to Alice and Bob, who are to tell what became of the room.
    targets = here[1:] + there[1:]
    crowds = [Crowd(room, people, targets, chance) for people in (here, there)]
    gates = (pair.host.gate, pair.guest.gate)
    pair.neighbourhood.gates.cut(*gates)
    try:
        for _ in range(STEPS):
            for crowd in crowds:
                crowd.act()
    finally:
        pair.neighbourhood.gates.join(*gates)
    bob.get("profile", alice.user_id)
    for crowd in crowds:
        crowd.act()
    agree(room, alice, bob)
