"""Unread counts: a number per timeline for everybody, and entries for those whom an event concerns more.

A timeline (a room outside threads, or one thread) counts the events that notify a user who keeps the
predefined push rules. A user's count is the timeline's number less the number at their read mark, so
a message costs the same in a room of ten as of ten thousand. Entries exist for mentions, and where a
user's own rules say something else than the predefined ones; they carry running totals (ADR 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.push_rules import is_static_for_room
from matrix_app.protocol.relations import relation_of
from matrix_app.services.event_threads import root_of
from matrix_app.services.push_outcomes import judge
from matrix_app.storage import events, interning, members, relations, rooms, unread
from matrix_app.storage.events import EventRow
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.rooms import RoomHead, RoomIdentity
from matrix_app.storage.unread import EVERYBODY, Correction, Entry

# No predefined rule notifies of other state, but for mentions, and invites, which have no unread count.
_NOTIFYING_STATE: Final = frozenset({"m.room.tombstone", "m.room.server_acl"})


@dataclass(slots=True)
class Assessed:
    """What a new event means for unread counts."""

    counts: int = 0  # 1 when it counts for everybody
    thread_root_nid: int | None = None
    thread: relations.ThreadRow | None = None
    # The unread ordinal of its timeline at the event; set when it is stored.
    ordinal: int = 0
    # user nid -> (difference in notifications, highlight)
    special: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def thread_ordinal(self) -> int:
        """The ordinal of the event in its thread."""
        return (self.thread.unread_ordinal if self.thread else 0) + self.counts


def assess(room: RoomIdentity, head: RoomHead, new: Sequence[Event]) -> list[Assessed]:
    """Assess events before they are stored; reads only."""
    return [_assess(room, head, event) for event in new]


def _assess(room: RoomIdentity, head: RoomHead, event: Event) -> Assessed:
    result = Assessed()
    if event.state_key is None:
        _find_thread(room, event, result)
    custom = members.custom_push_users(room.nid)
    if event.state_key is not None and not (custom or _may_notify(event)):
        return result
    judged = judge(room, event, head.state_nid)
    result.counts = int(judged.default.notify)
    concerned = {interning.user_nid(user_id) for user_id in judged.mentioned}.union(custom)
    if judged.default.highlight:
        concerned.update(members.local_joined(room.nid))
    for nid, (outcome, baseline) in judged.for_users(concerned).items():
        difference = int(outcome.notify) - baseline
        if difference or outcome.highlight:
            result.special[nid] = (difference, int(outcome.highlight))
    return result


def _may_notify(state_event: Event) -> bool:
    content = state_event.content
    return state_event.type in _NOTIFYING_STATE or "m.mentions" in content or "body" in content


def _find_thread(room: RoomIdentity, event: Event, result: Assessed) -> None:
    relation = relation_of(event.content)
    if relation is None or relation.rel_type != "m.thread":
        return
    root = events.row_by_id(relation.event_id)
    # "Relationships which [...] break the rules [...] are simply ignored": such as one with another room.
    if root is not None and root.room_nid == room.nid and root.thread_root_nid is None:
        result.thread_root_nid = root.nid
        result.thread = relations.thread(root.nid)


def apply(
    room: RoomIdentity, event: Event, nid: int, sender_nid: int, position: int, result: Assessed
) -> None:
    """Store what `assess` found, and let the sender have read the timeline up to their own event."""
    root = result.thread_root_nid
    if root is not None:
        count = result.thread.reply_count if result.thread else 0
        row = relations.ThreadRow(root, room.nid, nid, position, count + 1, result.thread_ordinal)
        relations.extend_thread(row, sender_nid)
    timeline = unread.MAIN if root is None else root
    if result.special:
        place = timeline if result.counts else _related_timeline(room, event, timeline)
        unread.put_entries(
            [
                Entry(user, room.nid, place, position, nid, notify, highlight)
                for user, (notify, highlight) in result.special.items()
            ]
        )
    if result.counts and domain_of(event.sender) == local_server_name():
        unread.put_mark(sender_nid, room.nid, timeline, position, result.ordinal)


def _related_timeline(room: RoomIdentity, event: Event, timeline: int) -> int:
    """Where an event belongs that counts for nobody but some: with what it relates to, as in receipts."""
    relation = relation_of(event.content) if timeline == unread.MAIN else None
    parent = events.row_by_id(relation.event_id) if relation is not None else None
    if parent is None or parent.room_nid != room.nid:
        return timeline
    return root_of(parent) or timeline


def start(room: RoomIdentity, user_nid: int, position: int) -> None:
    """Begin to count for a user who has just joined: what came before is not unread."""
    head = rooms.head(room.nid)
    unread.put_mark(user_nid, room.nid, unread.ROOM, position, head.unread_ordinal)
    stored = unread.custom_rules([user_nid]).get(user_nid)
    counts = stored is None or not is_silent(orjson.loads(stored), room.room_id)
    known = unread.stances(user_nid, [room.nid]).get(room.nid)
    if counts != (known[-1][1] if known else True):
        unread.put_stances(user_nid, position, {room.nid: counts})


def is_silent(custom: dict[str, Any], room_id: str) -> bool:
    """Whether nothing counts in a room but what concerns the user, under their own rules."""
    return is_static_for_room(custom, room_id) in ("muted", "mentions-only")


def forget(event: EventRow) -> None:
    """Let an event that is being redacted count no more, for anybody who has not read it."""
    if event.position is None or event.redacted_by_nid is not None:
        return
    timeline = unread.MAIN if event.thread_root_nid is None else event.thread_root_nid
    before = unread.ordinal_at(event.room_nid, timeline, event.position - 1)
    gone = [Correction(*entry[:4], entry.notify, entry.highlight) for entry in unread.entries_of(event.nid)]
    if event.unread_ordinal > before:
        gone.append(Correction(EVERYBODY, event.room_nid, timeline, event.position, 1, 0))
    unread.correct(gone)
