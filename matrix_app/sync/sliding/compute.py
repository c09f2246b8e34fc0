"""One answer of sliding sync, from what its connection has been sent and what changed since."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Any

import orjson

from matrix_app.storage import receipts, rooms
from matrix_app.storage.members import Membership
from matrix_app.storage.stream import Kind
from matrix_app.sync.sliding import joined_rooms, over_rooms, pending_rooms, plan
from matrix_app.sync.sliding.changes import Changes, find_changes
from matrix_app.sync.sliding.connection import LIVE, Connection
from matrix_app.sync.sliding.ended_stays import departed
from matrix_app.sync.sliding.extensions import Context
from matrix_app.sync.sliding.extensions import tell as tell_extensions
from matrix_app.sync.sliding.ledger import ACCOUNT_DATA, Ledger
from matrix_app.sync.sliding.list_filters import direct_nids
from matrix_app.sync.sliding.matching import Matched, match
from matrix_app.sync.sliding.plan import Plan, Planner
from matrix_app.sync.sliding.position import Position
from matrix_app.sync.sliding.request import SlidingRequest
from matrix_app.sync.sliding.room_list import Rooms, activity, rooms_of
from matrix_app.sync.v2.timeline import Timeline

# Changes of a user by which nothing of any room is other than before.
_NOT_OF_ROOMS = frozenset({Kind.THREAD_SUBSCRIPTION, Kind.DEVICE_LIST, Kind.KEY_SIGNATURES, Kind.PRESENCE})


@dataclass(slots=True)
class Told:
    """What was found to tell of rooms."""

    rooms: dict[int, dict[str, Any]]
    timelines: dict[int, Timeline]
    # Rooms of which the client knows nothing yet, and those of which it gets older events now.
    whole: set[int]
    expanded: set[int]


@dataclass(slots=True)
class Answer:
    """An answer before it is sent. `finish` makes it the client's."""

    request: SlidingRequest
    ledger: Ledger
    body: dict[str, Any]
    # How many rooms belong to each list.
    counts: dict[str, int]
    # The rooms that the request asks about.
    room_nids: Set[int]
    is_empty: bool
    # Until something changes, all that the request asks about will have been told, and the counts stay.
    is_final: bool

    def finish(self) -> tuple[bytes, Connection]:
        """The JSON, and the version of the connection that it leads to, which is stored."""
        connection = self.ledger.store()
        return with_position(self.request, connection, self.body), connection


def with_position(request: SlidingRequest, connection: Connection, body: dict[str, Any]) -> bytes:
    """An answer with the position that it ends at."""
    body["pos"] = str(Position(request.upto, connection.nid, connection.version))
    if request.body.txn_id is not None:
        body["txn_id"] = request.body.txn_id
    return orjson.dumps(body)


def compute(request: SlidingRequest, settled: Set[int] | None, most_new: int | None) -> Answer | None:
    """Compute what a client gets for `request`; nothing is stored yet.

    None when there are more rooms to tell of anew than `most_new`. `settled` are the rooms of which nothing
    was left to tell when the client was told last, if it asks the same again: of those only the ones that
    have changed are looked at.
    """
    ledger = Ledger(request.connection)
    every = _rooms(request, ledger)
    matched = match(request.body, request.requester.user_id, request.user_nid, every)
    changes = find_changes(request, every)
    looked_at = _worth_a_look(matched, changes, settled)
    plans = _plans(request, ledger, looked_at, every, changes)
    if most_new is not None and sum(each.is_initial or each.is_expanded for each in plans) > most_new:
        return None
    told = _tell_rooms(request, ledger, plans)
    context = Context(request, ledger, looked_at, changes, told.timelines, told.whole, told.expanded)
    extensions, has_news = tell_extensions(context)
    _fall_behind(request, ledger, matched, every, changes)
    names = rooms.room_ids(told.rooms)
    body = {
        "lists": {name: {"count": count} for name, count in matched.counts.items()},
        "rooms": {names[nid]: shown for nid, shown in told.rooms.items()},
        "extensions": extensions,
    }
    # Rooms that the user left are not there any more the next time.
    is_final = not (every.keys() - rooms_of(request.user_nid).keys())
    is_empty = not (told.rooms or has_news)
    return Answer(request, ledger, body, matched.counts, matched.configs.keys(), is_empty, is_final)


def _worth_a_look(matched: Matched, changes: Changes, settled: Set[int] | None) -> Matched:
    """The rooms that something may have to be told of."""
    if settled is None or changes.rooms is None or not changes.user <= _NOT_OF_ROOMS:
        return matched
    return matched.only(changes.rooms.keys() | (matched.configs.keys() - settled))


def _rooms(request: SlidingRequest, ledger: Ledger) -> Rooms:
    """All rooms that the user may be shown: those that they left as long as the client must be told so."""
    every = rooms_of(request.user_nid)
    gone = request.connection.rooms.keys() - every.keys()
    if not gone:
        return every
    found = departed(request.user_nid, gone)
    for nid in gone.difference(found):
        ledger.drop(nid)
    return {**every, **found}


def _plans(
    request: SlidingRequest, ledger: Ledger, matched: Matched, every: Rooms, changes: Changes
) -> list[Plan]:
    read = _read_elsewhere(request, ledger, matched, every, changes)
    return Planner(ledger, request.since, direct_nids(request.user_nid), read).plans(matched, every)


def _tell_rooms(request: SlidingRequest, ledger: Ledger, plans: list[Plan]) -> Told:
    joined = _of_kind(plans, plan.Kind.JOINED)
    told, timelines = joined_rooms.tell(request, joined, ledger)
    told.update(pending_rooms.tell(request.user_nid, _of_kind(plans, plan.Kind.PENDING), ledger))
    told.update(over_rooms.tell(request, _of_kind(plans, plan.Kind.OVER), ledger))
    whole = {each.nid for each in plans if each.is_initial}
    return Told(told, timelines, whole, {each.nid for each in plans if each.is_expanded})


def _of_kind(plans: Iterable[Plan], kind: plan.Kind) -> list[Plan]:
    return [each for each in plans if each.kind is kind]


def _read_elsewhere(
    request: SlidingRequest, ledger: Ledger, matched: Matched, every: Rooms, changes: Changes
) -> set[int]:
    """The rooms where the user has read further, whose unread counts are others now."""
    since = request.since or 0
    starts = {}
    for nid in matched.configs:
        sent = ledger.before(nid)
        if sent is None or every[nid].membership != Membership.JOIN:
            continue
        if sent.since != LIVE or Kind.RECEIPT in changes.user or Kind.RECEIPT in changes.of_room(nid):
            starts[nid] = sent.since or since
    if not starts:
        return set()
    rows = receipts.own_in_rooms(request.user_nid, starts, min(starts.values()))
    return {row.room_nid for row in rows if row.position > starts[row.room_nid]}


def _fall_behind(
    request: SlidingRequest, ledger: Ledger, matched: Matched, every: Rooms, changes: Changes
) -> None:
    """Note the rooms with news that the client is not told, because it does not ask about them now."""
    since = request.since
    if since is None:
        return
    sent_rooms = request.connection.rooms
    if changes.rooms is not None and changes.user <= _NOT_OF_ROOMS:
        # Nothing has come to the others.
        sent_rooms = {nid: sent_rooms[nid] for nid in changes.rooms if nid in sent_rooms}
    for nid, sent in sent_rooms.items():
        if sent.since != LIVE or nid in matched.configs or nid not in every:
            continue
        kinds = changes.of_room(nid)
        if (
            activity(every[nid]) > since
            or Kind.RECEIPT in kinds
            or Kind.RECEIPT in changes.user
            or (sent.flags & ACCOUNT_DATA and Kind.ROOM_ACCOUNT_DATA in changes.user)
        ):
            ledger.fall_behind(nid, since)
