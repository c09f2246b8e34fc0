"""The rooms of a filled server: who is in them, their state, and what was said in the busiest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final, NamedTuple

import orjson

from appliance.config import get_config
from matrix_app.storage import models as tables
from matrix_app.storage.members import Membership
from matrix_app.storage.stream import Kind
from tests.filled.media import mxc_of
from tests.filled.names import TOPICS, person, room_name
from tests.filled.people import People, Someone
from tests.filled.size import Size
from tests.filled.store import DAY, MINUTE, dice, store

SAID: Final = (
    "Who can bring the long table on Saturday?",
    "I can. And there are enough chairs in the cellar.",
    "Rehearsal moves to seven, the hall is taken before.",
    "Thank you for the pictures!",
    "Has anybody seen the blue ladder?",
    "It is in our shed, come by any time.",
    "The beans are ready, help yourselves.",
)
MOST_EXTREMITIES: Final = 120


class Place(NamedTuple):
    """A room, and the event that it began with."""

    nid: int
    room_id: str
    first_nid: int


class Rooms(NamedTuple):
    """All rooms, the busiest first, and the messages that were sent there, the first first."""

    places: list[Place]
    messages: list[tables.Event]


def fill_rooms(size: Size, people: People, remote: list[Someone], now: int) -> Rooms:
    """As many rooms as there should be, with their members; most of everything is in the first."""
    rooms = store(_room(number, now) for number in range(size.rooms))
    state = _State(people, now)
    events = store(event for room in rooms for event in state.beginning(room))
    firsts = {event.room_nid: event.nid for event in events if event.type == "m.room.create"}
    places = [Place(room.nid, room.room_id, firsts[room.nid]) for room in rooms]
    store(
        tables.CurrentState(
            room_nid=event.room_nid, key_nid=event.key_nid, event_nid=event.nid, is_member=False
        )
        for event in events
    )
    _members(places, people, remote)
    if not places:
        return Rooms([], [])
    _more_state(places[0], state, size.state)
    messages = _talk(places[0], people, size, now)
    _summaries(places, people, remote)
    _aliases(places[0], people.owner, max(1, size.addresses), now)
    return Rooms(places, messages)


def room_id_of(number: int) -> str:
    """The ID of a room."""
    return f"!{sha256(f'room {number}'.encode()).hexdigest()[:18]}:{get_config().server.name}"


def _room(number: int, now: int) -> tables.Room:
    return tables.Room(
        room_id=room_id_of(number),
        version="11",
        created_ts=now - (1 + number % 300) * DAY,
        is_published=number % 6 == 1,
        position=1 + (number * 7919) % 1_000_003,
        blocked_ts=now - DAY if number % 13 == 12 else None,
    )


class _State:
    """Makes events of rooms, one after the other."""

    def __init__(self, people: People, now: int) -> None:
        self._people = people
        self._now = now
        self._keys: dict[tuple[str, str], int] = {}

    def key(self, type: str, state_key: str) -> int:
        """The nid of a kind of state."""
        if (type, state_key) not in self._keys:
            self._keys[type, state_key] = store([tables.StateKey(type=type, state_key=state_key)])[0].nid
        return self._keys[type, state_key]

    def beginning(self, room: tables.Room) -> Iterator[tables.Event]:
        """How a room began."""
        number = room.nid
        yield self.event(room.nid, room.room_id, 1, "m.room.create", {"room_version": "11"})
        yield self.event(room.nid, room.room_id, 2, "m.room.name", {"name": room_name(number - 1)})
        yield self.event(room.nid, room.room_id, 3, "m.room.topic", {"topic": TOPICS[number % len(TOPICS)]})

    def event(
        self, room_nid: int, room_id: str, depth: int, type: str, content: dict[str, Any], key: str = ""
    ) -> tables.Event:
        """A state event of the owner."""
        ts = self._now - 30 * DAY + depth * MINUTE
        return event_of(
            room_nid, room_id, self._people.owner, depth, type, content, ts, (self.key(type, key), key)
        )


def event_of(
    room_nid: int,
    room_id: str,
    sender: Someone,
    depth: int,
    type: str,
    content: dict[str, Any],
    ts: int,
    state: tuple[int, str] | None = None,
) -> tables.Event:
    """An event as it is stored; nobody has signed it."""
    pdu = {
        "type": type,
        "room_id": room_id,
        "sender": sender.user_id,
        "content": content,
        "depth": depth,
        "origin_server_ts": ts,
        "prev_events": [],
        "auth_events": [],
        "hashes": {"sha256": "never checked"},
        "signatures": {},
        **({} if state is None else {"state_key": state[1]}),
    }
    return tables.Event(
        event_id=f"${sha256(f'{room_id} {depth} {type} {state}'.encode()).hexdigest()[:43]}",
        room_nid=room_nid,
        type=type,
        key_nid=None if state is None else state[0],
        sender_nid=sender.nid,
        depth=depth,
        origin_server_ts=ts,
        json=orjson.dumps(pdu),
    )


def _more_state(place: Place, state: _State, count: int) -> None:
    """Notes in the state of a room, more than any page shows."""
    keys = store(
        tables.StateKey(type="org.example.note", state_key=f"note {number}") for number in range(count)
    )
    events = store(
        event_of(
            place.nid, place.room_id, state._people.owner, 10 + number, "org.example.note",
            {"text": f"Note number {number}: {SAID[number % len(SAID)]}"}, state._now - 20 * DAY,
            (key.nid, key.state_key),
        )
        for number, key in enumerate(keys)
    )  # fmt: skip
    store(
        tables.CurrentState(room_nid=place.nid, key_nid=event.key_nid, event_nid=event.nid, is_member=False)
        for event in events
    )


def _talk(place: Place, people: People, size: Size, now: int) -> list[tables.Event]:
    """Messages, every fifth with a file; the last of them are forward extremities."""
    chance, first = dice("talk"), 100 + size.state
    positions = store(tables.StreamLog(kind=Kind.EVENT, room_nid=place.nid) for _ in range(size.messages))
    events = []
    for number, log in enumerate(positions):
        sender = people.everybody[chance.randrange(len(people.everybody))]
        content: dict[str, Any] = {"msgtype": "m.text", "body": SAID[number % len(SAID)]}
        if number % 5 == 2 and size.media:
            url = mxc_of(number // 5 % size.media)
            content = {"msgtype": "m.image", "body": "Garden in June.jpg", "url": url}
        ts = now - (size.messages - number) * 7 * MINUTE
        event = event_of(place.nid, place.room_id, sender, first + number, "m.room.message", content, ts)
        event.position = log.position
        events.append(event)
    stored = store(events)
    ends = stored[-MOST_EXTREMITIES if size.messages >= MOST_EXTREMITIES else -1 :]
    store(tables.ForwardExtremity(room_nid=place.nid, event_nid=event.nid) for event in ends)
    return stored


def _members(places: list[Place], people: People, remote: list[Someone]) -> None:
    """All are in the first room; the owner, the busiest and somebody from elsewhere in every room."""
    for number, place in enumerate(places):
        inside = people.everybody if number == 0 else _some(number, people)
        store(
            _membership(place, someone, people, mine=True, number=each) for each, someone in enumerate(inside)
        )
        away = remote if number == 0 else remote[:1]
        store(_membership(place, someone, people, mine=False, number=0) for someone in away)


def _some(number: int, people: People) -> Iterable[Someone]:
    others = people.everybody[1:-1]
    few = [others[(number * 3 + each) % len(others)] for each in range(min(number % 9, len(others)))]
    return dict.fromkeys((people.busiest, people.owner, *few))


def _membership(
    place: Place, someone: Someone, people: People, *, mine: bool, number: int
) -> tables.Membership:
    kind = (
        Membership.BAN if number % 41 == 40 else Membership.INVITE if number % 23 == 22 else Membership.JOIN
    )
    return tables.Membership(
        room_nid=place.nid,
        user_nid=someone.nid,
        membership=kind,
        event_nid=place.first_nid,
        sender_nid=people.owner.nid,
        is_local=mine,
        position=1,
        changed_position=1,
    )


def _summaries(places: list[Place], people: People, remote: list[Someone]) -> None:
    """What lists of rooms show, and how many of each server are in them."""
    homes = dict(tables.User.objects.values_list("nid", "server_nid"))
    joined: dict[int, dict[int, int]] = {place.nid: {} for place in places}
    found = tables.Membership.objects.filter(membership=Membership.JOIN).values_list("room_nid", "user_nid")
    for room_nid, user_nid in found:
        counts = joined[room_nid]
        counts[homes[user_nid]] = counts.get(homes[user_nid], 0) + 1
    here = homes[people.owner.nid]
    store(
        tables.RoomServer(room_nid=nid, server_nid=server, joined=count)
        for nid, counts in joined.items()
        for server, count in counts.items()
    )
    store(_summary(number, place, joined[place.nid], here) for number, place in enumerate(places))


def _summary(number: int, place: Place, counts: dict[int, int], here: int) -> tables.RoomSummary:
    name = room_name(number)
    alias = f"#{name.lower().replace(' ', '-').replace(',', '')}:{get_config().server.name}"
    return tables.RoomSummary(
        room_nid=place.nid,
        name=None if number % 17 == 16 else name,
        topic=TOPICS[number % len(TOPICS)] or None,
        canonical_alias=alias if number % 3 == 0 else None,
        room_type="m.space" if number % 9 == 8 else None,
        join_rule="public" if number % 6 == 1 else "invite",
        encryption=None if number % 4 == 1 else "m.megolm.v1.aes-sha2",
        joined_members=sum(counts.values()),
        local_joined_members=counts.get(here, 0),
    )


def _aliases(place: Place, owner: Someone, count: int, now: int) -> None:
    name = person(0).localpart
    store(
        tables.RoomAlias(
            alias=f"#{name}-{number}:{get_config().server.name}",
            room_nid=place.nid,
            creator_nid=owner.nid,
            created_ts=now - DAY,
        )
        for number in range(count)
    )
