"""Whoever follows a connection ends with what a new connection begins with, whatever happened in between."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from matrix_app.storage.cache import clear_all
from matrix_app.sync import memo
from matrix_app.sync.hub import hub
from matrix_app.sync.sliding import room_list as lists
from tests.factories.client import Client, ClientFactory
from tests.factories.sliding import room_list, sliding

pytestmark = pytest.mark.django_db(transaction=True)

_EXPLICIT = [
    ["m.room.name", ""],
    ["m.room.topic", ""],
    ["m.room.member", "$ME"],
    ["m.room.member", "$LAZY"],
    ["m.test", "*"],
]
_ON = {"enabled": True}
_EXTENSIONS = {"account_data": _ON, "receipts": _ON}
_VALUES = ("name", "avatar", "is_dm", "membership", "joined_count", "invited_count", "bump_stamp")


class Seen:
    """A room as a client knows it."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.state: dict[tuple[str, str], str] = {}
        self.timeline: list[str] = []
        self.stripped: list[Any] = []

    def take(self, told: dict[str, Any]) -> None:
        """Apply what an answer tells."""
        self.values.update({key: told[key] for key in (*_VALUES, "notification_count") if key in told})
        self.stripped = told.get("invite_state", self.stripped)
        if told.get("limited") or told.get("unstable_expanded_timeline"):
            self.timeline = []
        fresh = [event["event_id"] for event in told.get("timeline", ())]
        assert not set(fresh).intersection(self.timeline), "an event comes twice"
        self.timeline += fresh
        for event in told.get("required_state", ()):
            key = (event["type"], event["state_key"])
            if "content" in event:
                self.state[key] = event["event_id"]
            else:
                self.state.pop(key, None)

    def agrees_with(self, fresh: Seen) -> None:
        """Fail unless a new connection shows the same.

        Older events, and state that nobody asks for now, may be known besides.
        """
        assert self.values == fresh.values
        assert self.stripped == fresh.stripped
        assert self.timeline[len(self.timeline) - len(fresh.timeline) :] == fresh.timeline
        assert {key: self.state.get(key) for key in fresh.state} == fresh.state


class Follower:
    """A client that keeps what it is told, and asks for this and that."""

    def __init__(self, client: Client, chance: random.Random, conn_id: str = "follower") -> None:
        self.client = client
        self.chance = chance
        self.conn_id = conn_id
        self.pos: str | None = None
        self.rooms: dict[str, Seen] = {}
        self.data: dict[tuple[str, str], Any] = {}
        self.receipts: dict[tuple[str, str, str], str] = {}
        self.ask_for_all()

    def ask_for_all(self) -> None:
        """Every room, and the same of each."""
        self.body: dict[str, Any] = {
            "lists": {"all": room_list(end=99, limit=3, state=_EXPLICIT)},
            "extensions": _EXTENSIONS,
        }

    def ask_for_some(self, room_ids: list[str]) -> None:
        """Some of the rooms, more or less of each."""
        limit = self.chance.choice([0, 1, 3, 5])
        state = self.chance.choice([_EXPLICIT, _EXPLICIT[:1], [["*", "*"]], []])
        self.body["lists"] = {"all": room_list(end=self.chance.randrange(4), limit=limit, state=state)}
        self.body["room_subscriptions"] = {
            room_id: {"timeline_limit": self.chance.choice([1, 4]), "required_state": _EXPLICIT}
            for room_id in self.chance.sample(room_ids, self.chance.randrange(3))
        }
        self.body["extensions"] = self.chance.choice([_EXTENSIONS, {}, {"receipts": _ON}])

    def sync(self) -> bool:
        """Take the next answer; whether there was anything in it."""
        answer = sliding(self.client, self.pos, conn_id=self.conn_id, **self.body)
        self.pos = answer["pos"]
        for room_id, told in answer["rooms"].items():
            if told.get("initial"):
                self.rooms[room_id] = Seen()
            self.rooms[room_id].take(told)
            if told.get("membership") in ("leave", "ban"):
                # It is over. A client that begins anew hears of it only if it was removed by somebody.
                del self.rooms[room_id]
        self._take_extensions(answer["extensions"])
        return bool(answer["rooms"])

    def _take_extensions(self, told: dict[str, Any]) -> None:
        for room_id, entries in told.get("account_data", {}).get("rooms", {}).items():
            self.data.update({(room_id, entry["type"]): entry["content"] for entry in entries})
        for room_id, event in told.get("receipts", {}).get("rooms", {}).items():
            for event_id, by_type in event["content"].items():
                for kind, users in by_type.items():
                    self.receipts.update({(room_id, kind, user): event_id for user in users})

    def lose(self) -> None:
        """Ask, and lose the answer on the way."""
        sliding(self.client, self.pos, conn_id=self.conn_id, **self.body)


class World:
    """Some users, some rooms, and what they do."""

    def __init__(self, clients: ClientFactory, chance: random.Random) -> None:
        self.chance = chance
        self.alice, self.bob, self.carol = clients.many(3)
        self.rooms = [self.bob.create_room(preset="public_chat", name=f"room {n}") for n in range(4)]
        self.rooms += [self.bob.create_room(preset="private_chat", invite=[self.alice.user_id])]
        self.alice.change(self.rooms[0], "join")
        self.serial = 0
        self.follower = Follower(self.alice, chance)

    def step(self) -> None:
        """Something happens."""
        acts: list[tuple[Callable[[], Any], int]] = [
            (self.send, 12),
            (self.set_state, 5),
            (self.move_alice, 5),
            (self.move_others, 3),
            (self.read, 4),
            (self.note, 3),
            (self.ask, 4),
            (self.follower.sync, 12),
            (self.follower.lose, 3),
            (self.restart, 1),
        ]
        self.chance.choices([act for act, _ in acts], [weight for _, weight in acts])[0]()

    def _room(self) -> str:
        return self.chance.choice(self.rooms)

    def send(self) -> None:
        """A message by anybody."""
        self.serial += 1
        self.chance.choice([self.alice, self.bob, self.carol]).send(self._room(), str(self.serial))

    def set_state(self) -> None:
        """A name, a topic, or anything else."""
        self.serial += 1
        content = {"name": str(self.serial), "topic": str(self.serial)}
        kind, key = self.chance.choice(
            [("m.room.name", ""), ("m.room.topic", ""), ("m.test", "a"), ("m.test", "b")]
        )
        self.bob.set_state(self._room(), kind, content, key)

    def move_alice(self) -> None:
        """Come, go, or be moved."""
        act = self.chance.choice(["join", "join", "leave", "kick", "ban", "unban", "invite"])
        if act in ("join", "leave"):
            self.alice.change(self._room(), act)
        else:
            self.bob.change(self._room(), act, user_id=self.alice.user_id)

    def move_others(self) -> None:
        """Another comes or goes."""
        self.carol.change(self._room(), self.chance.choice(["join", "leave"]))

    def read(self) -> None:
        """A receipt for what was seen last."""
        room_id = self._room()
        seen = self.follower.rooms.get(room_id)
        if seen is not None and seen.timeline:
            reader = self.chance.choice([self.alice, self.bob])
            reader.post(f"/rooms/{room_id}/receipt/m.read/{seen.timeline[-1]}")

    def note(self) -> None:
        """Account data: a direct chat, or something of a room."""
        self.serial += 1
        user = self.alice.user_id
        if self.chance.randrange(2):
            direct = {self.bob.user_id: self.chance.sample(self.rooms, 2)}
            self.alice.put(f"/user/{user}/account_data/m.direct", direct)
        else:
            self.alice.put(f"/user/{user}/rooms/{self._room()}/account_data/m.test", {"n": self.serial})

    def ask(self) -> None:
        """The client wants something else."""
        if self.chance.randrange(4):
            self.follower.ask_for_some(self.rooms)
        else:
            self.follower.ask_for_all()

    def restart(self) -> None:
        """The server starts anew."""
        clear_all()
        memo.clear()
        lists.clear()
        hub.cache_clear()


@pytest.mark.parametrize("seed", range(30))
def test_following_leads_to_what_beginning_anew_shows(clients: ClientFactory, seed: int) -> None:
    world = World(clients, random.Random(seed))
    for _ in range(4):
        for _ in range(25):
            world.step()
        world.follower.ask_for_all()
        world.follower.body.pop("room_subscriptions", None)
        while world.follower.sync():
            pass
        fresh = Follower(world.alice, world.chance, "fresh")
        fresh.sync()
        assert world.follower.rooms.keys() == fresh.rooms.keys()
        for room_id, seen in fresh.rooms.items():
            world.follower.rooms[room_id].agrees_with(seen)
        joined = {room_id for room_id, seen in fresh.rooms.items() if seen.values["membership"] == "join"}
        assert {key: world.follower.data.get(key) for key in fresh.data} == fresh.data
        for key, event_id in fresh.receipts.items():
            assert key[0] not in joined or world.follower.receipts.get(key) == event_id
