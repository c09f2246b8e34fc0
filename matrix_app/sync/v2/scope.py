"""Which rooms a sync has to look at, and for what: narrowed by what the hub knows of changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from matrix_app.protocol.filters import RoomFilter
from matrix_app.storage import members, rooms
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.stream import Kind
from matrix_app.sync import memo
from matrix_app.sync.hub import hub
from matrix_app.sync.v2.request import SyncRequest

_ALL = frozenset(int(kind) for kind in Kind)
_NOT_EVENTS = _ALL - {Kind.EVENT, Kind.STATE}


@dataclass(slots=True)
class Scope:
    """What may have changed since the last sync; more than has changed is allowed, less is not."""

    joined: frozenset[int]
    # Rooms to look at, and the kinds of change there.
    kinds: dict[int, set[int] | frozenset[int]]
    user_kinds: set[int] | frozenset[int]
    device_kinds: set[int] | frozenset[int]
    # The user's memberships which changed.
    changed: dict[int, MemberRow] = field(default_factory=dict)

    # The same for rooms that the filter leaves out: whose devices changed is told in any case.
    left_out: dict[int, set[int] | frozenset[int]] = field(default_factory=dict)

    def rooms_with(self, kind: Kind) -> list[int]:
        """The rooms where this kind of thing may have changed, whether or not they are wanted."""
        return [
            room for rooms in (self.kinds, self.left_out) for room, kinds in rooms.items() if kind in kinds
        ]


def find_scope(request: SyncRequest) -> Scope:
    """Find what the sync has to look at."""
    joined = memo.joined_rooms(request.user_nid)
    known = hub()
    since = request.since
    if since is None or request.full_state:
        scope = Scope(joined, dict.fromkeys(joined, _ALL), _ALL, _ALL)
    elif not known.knows(since):
        scope = Scope(joined, dict.fromkeys(joined, _NOT_EVENTS), _ALL, _ALL)
        scope.kinds.update((nid, _ALL) for nid, at in rooms.positions(joined).items() if at > since)
    else:
        user_kinds = known.user_kinds(request.user_nid, since)
        device_kinds = known.device_kinds(request.requester.device_nid, since)
        scope = Scope(joined, dict(known.room_kinds(joined, since)), user_kinds, device_kinds)
    if since is not None and Kind.MEMBERSHIP in scope.user_kinds:
        scope.changed = {row.room_nid: row for row in members.of_user_since(request.user_nid, since)}
    for room, row in scope.changed.items():
        if row.membership == Membership.JOIN and row.changed_position > request.after:
            scope.kinds[room] = _ALL
    _leave_out(scope, request.filter.room)
    return scope


def _leave_out(scope: Scope, wanted: RoomFilter) -> None:
    if wanted.rooms is None and not wanted.not_rooms:
        return
    every, scope.kinds = scope.kinds, {}
    names = rooms.room_ids(every)
    for room, kinds in every.items():
        kept = scope.kinds if wanted.wants_room(names[room]) else scope.left_out
        kept[room] = kinds


def is_idle(user_nid: int, device_nid: int | None, joined: Iterable[int], since: int) -> bool:
    """Whether nothing at all has changed for a user and device; costs no query."""
    known = hub()
    return (
        known.knows(since)
        and not known.user_kinds(user_nid, since)
        and not known.device_kinds(device_nid, since)
        and not known.any_room_changed(joined, since)
    )
