"""From changes of the stream to notifications that pushers have to deliver."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import orjson

from matrix_app.protocol.push_rules import Outcome
from matrix_app.services.boundary import Boundary
from matrix_app.services.event_threads import root_of
from matrix_app.services.push_outcomes import judge
from matrix_app.storage import db, events, push_queue, pushers, rooms, stream, unread
from matrix_app.storage.clock import now_ms
from matrix_app.storage.events import EventRow
from matrix_app.storage.push_queue import Due
from matrix_app.storage.pushers import PusherRow
from matrix_app.storage.stream import Kind, LogEntry

ENTRIES: Final = 500
# A pusher that cannot deliver keeps so many; of more, the newest.
MOST_KEPT: Final = 500
_EVENTS: Final = (Kind.EVENT, Kind.STATE)


@dataclass
class Routed:
    """What some changes of the stream come to, up to `position`."""

    position: int
    # Whether there were no changes behind it.
    is_last: bool
    # The pushers that have something new.
    pusher_nids: set[int] = field(default_factory=set)
    # Those who may have read something, or written, which is to have read what is above.
    readers: set[int] = field(default_factory=set)


# (user, event, timeline, how it notifies)
_Notification = tuple[int, EventRow, Outcome]


def route(position: int) -> Routed | None:
    """Store the notifications of the next changes after `position`; None when there are none."""
    if not push_queue.any_pusher():
        present = stream.current_position()
        return Routed(present, True) if present > position else None
    entries = stream.entries_after(position, ENTRIES)
    if not entries:
        return None
    routed = Routed(entries[-1].position, len(entries) < ENTRIES)
    event_rooms = {
        entry.room_nid for entry in entries if entry.kind in _EVENTS and entry.room_nid is not None
    }
    found = _of_rooms(event_rooms, position, routed)
    found += _of_invites(entries, position, routed.position)
    _note_readers(entries, position, routed)
    _store(found, routed)
    return routed


def _of_rooms(room_nids: set[int], after: int, routed: Routed) -> list[_Notification]:
    watchers = push_queue.watchers(room_nids) if room_nids else {}
    if not watchers:
        return []
    found: list[_Notification] = []
    for row in push_queue.events_between(watchers, after, routed.position):
        at = row.position or 0
        present = {user for user, since in watchers[row.room_nid].items() if since < at}
        if row.sender_nid in present:
            routed.readers.add(row.sender_nid)
        found += _judged(row, present - {row.sender_nid})
    return found


def _judged(row: EventRow, user_nids: Iterable[int]) -> list[_Notification]:
    wanted = list(user_nids)
    if not wanted or row.redacted_by_nid is not None:
        return []
    with Boundary("an event cannot be judged for pushes", event_id=row.event_id):
        found = judge(rooms.by_nid(row.room_nid), events.parse(row)).for_users(wanted)
        return [(user, row, outcome) for user, (outcome, _) in found.items() if outcome.notify]
    return []


def _of_invites(entries: list[LogEntry], after: int, upto: int) -> list[_Notification]:
    """An invite may come before its room is known here: then it is found by the membership alone."""
    users = {
        entry.user_nid for entry in entries if entry.kind == Kind.MEMBERSHIP and entry.user_nid is not None
    }
    found: list[_Notification] = []
    for _, user, event_nid, position in push_queue.invites(users, after, upto) if users else ():
        row = events.rows_by_nid([event_nid]).get(event_nid)
        if row is not None:
            found += _judged(row._replace(position=position), [user])
    return found


def _note_readers(entries: list[LogEntry], after: int, routed: Routed) -> None:
    receipts = [entry for entry in entries if entry.kind == Kind.RECEIPT]
    routed.readers.update(entry.user_nid for entry in receipts if entry.user_nid is not None)
    room_nids = {
        entry.room_nid for entry in receipts if entry.user_nid is None and entry.room_nid is not None
    }
    if room_nids:
        routed.readers.update(push_queue.readers(room_nids, after, routed.position))


def _store(found: list[_Notification], routed: Routed) -> None:
    if not found:
        return
    by_user: dict[int, list[PusherRow]] = {}
    for pusher in pushers.of_users({user for user, _, _ in found}):
        by_user.setdefault(pusher.user_nid, []).append(pusher)
    now = now_ms()
    due = [
        _due(pusher.nid, row, outcome, now)
        for user, row, outcome in found
        for pusher in by_user.get(user, ())
        # What came before the pusher was made is not for it.
        if (row.position or 0) > pusher.position
    ]
    if not due:
        return
    routed.pusher_nids = {item.pusher_nid for item in due}
    with db.write():
        push_queue.put(due)
        for pusher_nid in routed.pusher_nids:
            push_queue.keep_newest(pusher_nid, MOST_KEPT)
        push_queue.put_progress(routed.position)


def _due(pusher_nid: int, row: EventRow, outcome: Outcome, now: int) -> Due:
    timeline = root_of(row) or unread.MAIN
    tweaks = orjson.dumps(outcome.tweaks)
    return Due(pusher_nid, row.nid, row.room_nid, timeline, row.position or 0, tweaks, now)
