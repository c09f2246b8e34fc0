"""The rooms that a user is joined to, as a sync shows them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from orjson import Fragment

from matrix_app.protocol.filters import matcher_of
from matrix_app.storage import (
    account_data,
    interning,
    receipts,
    rooms,
    state,
    summaries,
    unread_counts,
)
from matrix_app.storage.account_data import AccountDataRow
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import Membership
from matrix_app.storage.state import Delta
from matrix_app.storage.stream import Kind
from matrix_app.storage.summaries import SummaryRow
from matrix_app.sync import typists
from matrix_app.sync.v2 import room_heroes, state_section
from matrix_app.sync.v2.render import Renderer
from matrix_app.sync.v2.request import SyncRequest
from matrix_app.sync.v2.scope import Scope
from matrix_app.sync.v2.timeline import Timeline
from matrix_app.sync.v2.timelines import read_first_timelines, read_timeline

# Heroes are told of rooms that have lost their name, too.
_SUMMARISED = ("m.room.member", "m.room.name", "m.room.canonical_alias")


@dataclass(slots=True)
class JoinedRoom:
    """What is gathered for one room before it is rendered."""

    nid: int
    # From the beginning: the user joined since the last sync, or asks for everything.
    whole: bool
    timeline: Timeline = field(default_factory=Timeline)
    state_nids: list[int] = field(default_factory=list)
    ephemeral: list[Any] = field(default_factory=list)
    account_data: list[Any] = field(default_factory=list)
    heroes: list[int] = field(default_factory=list)
    summary_changed: bool = False

    def empty_with(self, state_rows: Container[int]) -> bool:
        """Whether there is nothing to tell, with the state that the filter let through."""
        told = self.timeline.rows or self.timeline.limited or self.ephemeral or self.account_data
        return not told and not any(nid in state_rows for nid in self.state_nids)


def gather(request: SyncRequest, scope: Scope, personal: Sequence[AccountDataRow]) -> list[JoinedRoom]:
    """Gather everything but the rendered events of the joined rooms that may have news.

    Some may turn out to be `empty` once filters have been applied to their state.
    """
    candidates = set(scope.kinds) | {entry.room_nid for entry in personal} & scope.joined
    if Kind.RECEIPT in scope.user_kinds:
        candidates |= scope.joined
    wanted = request.filter.room
    found = {
        nid: JoinedRoom(nid, _is_whole(request, scope, nid))
        for nid in sorted(candidates & scope.joined)
        if wanted.wants_room(rooms.by_nid(nid).room_id)
    }
    _add_timelines(request, scope, found)
    _add_state(request, scope, found)
    _add_ephemeral(request, scope, found)
    _add_account_data(request, found, personal)
    return list(found.values())


def _is_whole(request: SyncRequest, scope: Scope, nid: int) -> bool:
    return request.since is None or request.full_state or _has_joined(request, scope, nid)


def _has_joined(request: SyncRequest, scope: Scope, nid: int) -> bool:
    """Whether the user came into the room since the last sync; another name of theirs is no joining."""
    row = scope.changed.get(nid)
    return row is not None and row.membership == Membership.JOIN and row.changed_position > request.after


def _add_timelines(request: SyncRequest, scope: Scope, found: dict[int, JoinedRoom]) -> None:
    nids = [nid for nid in scope.rooms_with(Kind.EVENT) if nid in found]
    newly = [nid for nid in nids if request.since is None or _has_joined(request, scope, nid)]
    for nid, timeline in read_first_timelines(request, newly).items():
        # What a client has of a room from before it joined again does not reach up to here.
        timeline.limited = timeline.limited or request.since is not None
        found[nid].timeline = timeline
    for nid in set(nids).difference(newly):
        # Who has been in the room since then may see all that came; history visibility asks nothing.
        after, upto = request.after, request.upto
        found[nid].timeline = read_timeline(request, nid, after, upto, check_visibility=False)


def _add_state(request: SyncRequest, scope: Scope, found: dict[int, JoinedRoom]) -> None:
    with_state = {*scope.rooms_with(Kind.STATE), *(nid for nid, room in found.items() if room.whole)}
    nids = sorted(with_state.union(scope.rooms_with(Kind.EVENT) if request.lazy else ()).intersection(found))
    deltas = _deltas_by_room(request, nids, found)
    whole = [nid for nid in nids if found[nid].whole]
    other = state.current_other(whole) if whole else {}
    rows = summaries.get_many(with_state) if with_state else {}
    for nid in nids:
        room = found[nid]
        room.summary_changed = room.whole or _touches_summary(deltas.get(nid, ()))
        if room.summary_changed and _needs_heroes(rows.get(nid)):
            room.heroes = room_heroes.find(nid, request.user_nid)
        changes = deltas.get(nid, [])
        if room.whole:
            room.state_nids = state_section.full_state(
                request,
                nid,
                other.get(nid, {}),
                room.timeline,
                changes,
                room.heroes,
                lazy=request.lazy and not _has_lost_members(request, rows.get(nid)),
            )
        elif changes or request.lazy:
            room.state_nids = state_section.changed_state(request, nid, room.timeline, changes, room.heroes)


def _has_lost_members(request: SyncRequest, summary: SummaryRow | None) -> bool:
    """Whether the client may encrypt for other members than the room has, and learns of it here alone."""
    return request.from_lost_time and summary is not None and summary.encryption is not None


def _deltas_by_room(
    request: SyncRequest, nids: Sequence[int], found: dict[int, JoinedRoom]
) -> dict[int, list[Delta]]:
    """The changes of state that matter: since the last sync, or since the start of the timeline."""
    if not nids:
        return {}
    starts = [found[nid].timeline.start if found[nid].whole else request.after for nid in nids]
    by_room: dict[int, list[Delta]] = {}
    for delta in state.deltas(nids, min(starts)):
        by_room.setdefault(delta.room_nid, []).append(delta)
    return by_room


def _touches_summary(deltas: Iterable[Delta]) -> bool:
    names = interning.key_names({delta.key_nid for delta in deltas})
    return any(event_type in _SUMMARISED for event_type, _ in names.values())


def _needs_heroes(summary: SummaryRow | None) -> bool:
    return summary is None or not (summary.name or summary.canonical_alias)


def _add_ephemeral(request: SyncRequest, scope: Scope, found: dict[int, JoinedRoom]) -> None:
    wanted = request.filter.room.ephemeral
    if wanted.blocks_everything():
        return
    matcher = matcher_of(wanted)
    own = Kind.RECEIPT in scope.user_kinds
    nids = [nid for nid in found if wanted.wants_room(rooms.by_nid(nid).room_id)]
    with_receipts = [nid for nid in nids if own or Kind.RECEIPT in scope.kinds.get(nid, ())]
    if with_receipts and matcher.matches(type="m.receipt"):
        _add_receipts(request, with_receipts, found)
    with_typing = [nid for nid in nids if Kind.TYPING in scope.kinds.get(nid, ())]
    if with_typing and matcher.matches(type="m.typing"):
        _add_typing(request, with_typing, found)


def _add_typing(request: SyncRequest, nids: Sequence[int], found: dict[int, JoinedRoom]) -> None:
    for group, after in _starts(request, nids, found):
        for nid, user_ids in typists.in_rooms(request.user_nid, group, after, request.upto).items():
            names = interning.user_ids(user_ids)
            content = {"user_ids": [names[user] for user in user_ids]}
            found[nid].ephemeral.append({"type": "m.typing", "content": content})


def _starts(
    request: SyncRequest, nids: Sequence[int], found: dict[int, JoinedRoom]
) -> list[tuple[list[int], int]]:
    """The rooms by where the news of them begin: of whole rooms all is new."""
    whole = [nid for nid in nids if found[nid].whole]
    others = [nid for nid in nids if not found[nid].whole]
    return [(group, after) for group, after in ((whole, 0), (others, request.after)) if group]


def _add_receipts(request: SyncRequest, nids: Sequence[int], found: dict[int, JoinedRoom]) -> None:
    for group, after in _starts(request, nids, found):
        rows = receipts.in_rooms(group, after, request.upto, request.user_nid)
        for nid, content in receipts.contents(rows).items():
            found[nid].ephemeral.append({"type": "m.receipt", "content": content})


def _add_account_data(
    request: SyncRequest, found: dict[int, JoinedRoom], personal: Sequence[AccountDataRow]
) -> None:
    matcher = matcher_of(request.filter.room.account_data)
    newly = [room.nid for room in found.values() if room.whole and request.since is not None]
    entries = [entry for entry in personal if entry.room_nid not in newly]
    if newly:
        entries += account_data.of_rooms(request.user_nid, newly)
    for entry in entries:
        room = found.get(entry.room_nid)
        if room is not None and matcher.matches(type=entry.type, room_id=rooms.by_nid(room.nid).room_id):
            room.account_data.append({"type": entry.type, "content": Fragment(entry.content)})


def render(
    request: SyncRequest, gathered: Sequence[JoinedRoom], renderer: Renderer, state_rows: dict[int, EventRow]
) -> dict[str, Any]:
    """The `join` section."""
    nids = [room.nid for room in gathered]
    counts = unread_counts.counts(request.user_nid, nids)
    moved = [room.nid for room in gathered if room.summary_changed]
    facts = summaries.get_many(moved) if moved else {}
    section: dict[str, Any] = {}
    for room in gathered:
        section[rooms.by_nid(room.nid).room_id] = {
            "timeline": renderer.timeline(room.timeline),
            renderer.state_key: {"events": renderer.state(room.state_nids, state_rows)},
            "ephemeral": {"events": room.ephemeral},
            "account_data": {"events": room.account_data},
            "summary": _summary(room, facts.get(room.nid)),
            **_unread(request, counts.get(room.nid)),
        }
    return section


def _summary(room: JoinedRoom, facts: SummaryRow | None) -> dict[str, Any]:
    if facts is None:
        return {}
    summary: dict[str, Any] = {
        "m.joined_member_count": facts.joined_members,
        "m.invited_member_count": facts.invited_members,
    }
    if _needs_heroes(facts):
        names = interning.user_ids(room.heroes)
        summary["m.heroes"] = [names[nid] for nid in room.heroes]
    return summary


def _unread(request: SyncRequest, counts: unread_counts.RoomCounts | None) -> dict[str, Any]:
    counts = counts or unread_counts.RoomCounts()
    if not request.filter.room.timeline.unread_thread_notifications:
        return {"unread_notifications": _pair(counts.total_notification, counts.total_highlight)}
    shown = {"unread_notifications": _pair(counts.notification, counts.highlight)}
    if counts.threads:
        shown["unread_thread_notifications"] = {root: _pair(*pair) for root, pair in counts.threads.items()}
    return shown


def _pair(notification: int, highlight: int) -> dict[str, Any]:
    return {"notification_count": notification, "highlight_count": highlight}
