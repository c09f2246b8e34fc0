"""Policy lists that a filled server follows: the first is its own, with most rules."""

from __future__ import annotations

from matrix_app.storage import models as tables
from matrix_app.storage.members import Membership
from matrix_app.storage.state import pack
from tests.filled.people import People, Someone
from tests.filled.rooms import event_of, room_id_of
from tests.filled.size import Size
from tests.filled.store import DAY, HOUR, store

RULE = "m.policy.rule.user"
# Behind the numbers of all other rooms.
FIRST_ROOM = 1_000_000


def fill_policies(size: Size, people: People, system: Someone, now: int) -> None:
    """As many lists as there should be, and whom the first means here."""
    rooms = store(
        tables.Room(room_id=room_id_of(FIRST_ROOM + number), version="11", created_ts=now - 50 * DAY)
        for number in range(size.policies)
    )
    store(_summary(number, room) for number, room in enumerate(rooms))
    lists = store(_list(number, room, now) for number, room in enumerate(rooms))
    for number, room in enumerate(rooms):
        _rules(room, people, system, size.state if number == 0 else 1, now)
    store(_match(lists[0], number) for number in range(size.state if lists else 0))


def _summary(number: int, room: tables.Room) -> tables.RoomSummary:
    name = "Whom we keep out" if number == 0 else f"Rules of a community {number}"
    return tables.RoomSummary(room_nid=room.nid, name=name, joined_members=1, local_joined_members=1)


def _list(number: int, room: tables.Room, now: int) -> tables.PolicyList:
    return tables.PolicyList(
        room_id=room.room_id,
        is_own=number == 0,
        enabled=number % 2 == 0,
        added_ts=now - 40 * DAY,
        refused=number * 3,
        refused_ts=now - 2 * HOUR if number else None,
        matched_ts=now - 20 * HOUR,
    )


def _match(of: tables.PolicyList, number: int) -> tables.PolicyMatch:
    name = _entity(number)
    return tables.PolicyMatch(list_nid=of.nid, kind="user", entity=name, rule=name, reason="Spam", rooms=1)


def _entity(number: int) -> str:
    return f"@advertiser{number}:spam.example"


def _rules(room: tables.Room, people: People, system: Someone, count: int, now: int) -> None:
    known = tables.StateKey.objects.filter(type=RULE).count()
    keys = store(
        tables.StateKey(type=RULE, state_key=f"rule {number}") for number in range(known, known + count)
    )
    events = store(
        event_of(
            room.nid, room.room_id, people.owner, 10 + number, RULE,
            {"entity": _entity(number), "recommendation": "m.ban", "reason": "Spam"}, now - 30 * DAY,
            (key.nid, key.state_key),
        )
        for number, key in enumerate(keys)
    )  # fmt: skip
    entries = {key.nid: event.nid for key, event in zip(keys, events, strict=True)}
    packed = pack(entries)
    [snapshot] = store(
        [tables.StateSnapshot(room_nid=room.nid, chain_index=0, size=len(entries), entries=packed)]
    )
    tables.Room.objects.filter(nid=room.nid).update(state_nid=snapshot.nid)
    store(
        [
            tables.Membership(
                room_nid=room.nid,
                user_nid=system.nid,
                membership=Membership.JOIN,
                event_nid=events[0].nid,
                sender_nid=people.owner.nid,
                is_local=True,
                position=1,
                changed_position=1,
            )
        ]
    )
