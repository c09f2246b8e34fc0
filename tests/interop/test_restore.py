"""A Hearth that was restored from a backup and a Synapse that has seen what came after it agree again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.restoring import RestorableServer
from tests.interop.keys import DeviceKeys, ask, claim
from tests.interop.people import Person, eventually
from tests.interop.rooms import agree, become, common_room, empower
from tests.interop.servers import House, Neighbourhood
from tests.interop.test_devices import send
from tests.real_server import engines

pytestmark = pytest.mark.slow


@pytest.fixture
def synapse(neighbourhood: Neighbourhood) -> House:
    return neighbourhood.house("synapse")


@pytest.fixture
def hearth(
    neighbourhood: Neighbourhood, synapse: House, tmp_path: Path
) -> Iterator[tuple[House, RestorableServer]]:
    """A Hearth that federates, with the database that the run has, restored on another machine."""
    with neighbourhood.restorable(tmp_path, engines()[-1]) as made:
        yield made


def said_in(reader: Person, room: str) -> set[str]:
    """Every event of the room that can be read by paging back."""
    found = reader.history(room, lambda events: events[-1]["type"] == "m.room.create")
    return {event["event_id"] for event in found}


def both_know(room: str, people: tuple[Person, Person], said: set[str]) -> None:
    """Waits until both servers have the same state and show everything that was said."""
    agree(room, *people)
    for person in people:
        eventually(lambda: said_in(person, room) >= said)  # noqa: B023


def devices_seen(owner: Person, asker: Person) -> set[str] | None:
    """Somebody's devices, as another's server knows them; None while that is fetching the list."""
    answer = ask(asker, owner)
    return None if answer.get("failures") else set(answer["device_keys"].get(owner.user_id, {}))


class Shared:
    """A room of both, and what is said there."""

    def __init__(self, alice: Person, bob: Person, version: str) -> None:
        self.room = common_room(alice, bob, version)
        empower(alice, self.room, bob, 100)
        self.people = alice, bob
        self.said: set[str] = set()

    def talk(self, words: str) -> None:
        """Each says something and sets the topic, and hears the other."""
        alice, bob = self.people
        for speaker, listener in ((alice, bob), (bob, alice)):
            self.said.add(speaker.say(self.room, words))
            self.said.add(
                speaker.set_state(self.room, "m.room.topic", {"topic": f"{words} {speaker.user_id}"})
            )
            last = speaker.say(self.room, "and so on")
            self.said.add(last)
            listener.hears(self.room, last)


def test_they_agree_about_rooms_whoever_speaks_first(
    hearth: tuple[House, RestorableServer], synapse: House
) -> None:
    house, server = hearth
    alice, carol, bob = house.person("alice"), house.person("carol"), synapse.person("bob")
    rooms = {
        who: Shared(alice, bob, version)
        for who, version in (("alice", "10"), ("bob", "12"), ("nobody", "12"))
    }
    for shared in rooms.values():
        carol.join(shared.room, via=alice)
        become(bob, shared.room, carol, "join")
        shared.talk("before")
    server.backup()

    for shared in rooms.values():
        shared.talk("in lost time")
        bob.act("kick", shared.room, user_id=carol.user_id)
        become(alice, shared.room, carol, "leave")
    foreign = bob.create_room("12")
    alice.join(foreign, via=bob)
    own = alice.create_room("12")
    server.restore()

    # What comes back of lost time is told once more: this server does not know who has heard it.
    alice.notes.repeats = True
    # In a room where nobody says anything, too, what was lost comes back.
    quiet = rooms["nobody"]
    eventually(lambda: alice.membership(quiet.room, carol.user_id) == "leave")
    rooms["alice"].said.add(alice.say(rooms["alice"].room, "where were we?"))
    rooms["bob"].said.add(bob.say(rooms["bob"].room, "where were we?"))
    for shared in rooms.values():
        both_know(shared.room, (alice, bob), shared.said)
        shared.talk("after the restore")
        both_know(shared.room, (alice, bob), shared.said)

    # A room that was entered in lost time is entered once more; one that was made then is gone.
    alice.join(foreign, via=bob)
    agree(foreign, alice, bob)
    heard = bob.say(foreign, "welcome back")
    alice.hears(foreign, heard)
    assert own not in alice.get("joined_rooms")["joined_rooms"]


def test_they_agree_about_devices_keys_and_messages_to_devices(
    hearth: tuple[House, RestorableServer], synapse: House
) -> None:
    house, server = hearth
    alice, bob = house.person("alice"), synapse.person("bob")
    room = common_room(alice, bob, "12")
    keys: dict[str, Any] = {}
    for person, other in ((alice, bob), (bob, alice)):
        keys[person.user_id] = DeviceKeys(person)
        keys[person.user_id].upload(3)
        eventually(lambda: devices_seen(person, other) == {person.device_id})  # noqa: B023
        person.sync()
    kept = alice.second_device()
    DeviceKeys(kept).upload()
    eventually(lambda: devices_seen(alice, bob) == {alice.device_id, kept.device_id})
    server.backup()

    assert claim(bob, alice)
    new, gone = {}, alice.second_device()
    for person in (alice, bob):
        new[person.user_id] = gone if person is alice else person.second_device()
        DeviceKeys(new[person.user_id]).upload()
    kept.post("logout")
    eventually(lambda: devices_seen(alice, bob) == {alice.device_id, gone.device_id})
    eventually(lambda: devices_seen(bob, alice) == {bob.device_id, new[bob.user_id].device_id})
    send(alice, bob, 0)
    send(bob, alice, 0)
    for person in (alice, bob):
        person.until(lambda notes: notes.messages)
    server.restore()

    # Each side knows the devices that there are: of Alice's those of the backup.
    eventually(lambda: devices_seen(alice, bob) == {alice.device_id, kept.device_id})
    eventually(lambda: devices_seen(bob, alice) == {bob.device_id, new[bob.user_id].device_id})
    # No one-time key is given out again, and new ones are.
    assert claim(bob, alice) == {}
    uploaded = keys[alice.user_id].key.sign({"key": keys[alice.user_id].key.public})
    alice.post("keys", "upload", body={"one_time_keys": {"signed_curve25519:NEW": uploaded}})
    assert list(claim(bob, alice)) == ["signed_curve25519:NEW"]
    assert len(claim(alice, bob)) == 1
    # Messages to devices arrive, each once.
    for number in (1, 2):
        send(alice, bob, number)
        send(bob, alice, number)
    for person in (alice, bob):
        person.until(lambda notes: len(notes.messages) >= 3)
        assert [message["content"]["number"] for message in person.notes.messages] == [0, 1, 2]
    # Who types is told in the same words as before the restore.
    alice.put("rooms", room, "typing", alice.user_id, body={"typing": True, "timeout": 30_000})
    bob.until(lambda notes: notes.typing.get(room) == [alice.user_id])
