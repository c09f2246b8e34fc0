"""Who came into a common room with the user since the last sync, and who may share none any more."""

from __future__ import annotations

from dataclasses import dataclass, field

from matrix_app.storage import members
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.stream import Kind
from matrix_app.sync.v2.request import SyncRequest
from matrix_app.sync.v2.scope import Scope

_CONCERNED = (Membership.JOIN, Membership.INVITE)
_OVER = (Membership.LEAVE, Membership.BAN)


@dataclass(slots=True)
class Movements:
    """Users, by nid; without the user themselves. Those who were invited may be sent keys, too."""

    arrived: set[int] = field(default_factory=set)
    invited: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)

    def add(self, row: MemberRow) -> None:
        """Somebody has this membership since the last sync."""
        if row.membership == Membership.JOIN:
            self.arrived.add(row.user_nid)
        elif row.membership == Membership.INVITE:
            self.invited.add(row.user_nid)
        else:
            self.gone.add(row.user_nid)


def find_movements(request: SyncRequest, scope: Scope) -> Movements:
    """Look at the rooms whose state changed, and at those which the user entered or left."""
    found = Movements()
    if request.since is None:
        return found
    changed = set(scope.rooms_with(Kind.STATE))
    entered = {
        nid
        for nid, own in scope.changed.items()
        if own.membership == Membership.JOIN and own.changed_position > request.after
    }
    left = {nid for nid, own in scope.changed.items() if own.membership in _OVER}
    rows = [row for nid in changed & entered for row in members.in_room(nid, _CONCERNED)]
    if changed or left:
        rows += members.changed_between(changed | left, request.after, request.upto)
    for row in rows:
        if row.room_nid not in left:
            found.add(row)
    # Who left before the user did is in the room no more than those who stayed there.
    found.gone |= {row.user_nid for row in rows if row.room_nid in left}
    found.gone |= {row.user_nid for nid in left for row in members.in_room(nid, _CONCERNED)}
    for users in (found.arrived, found.invited, found.gone):
        users.discard(request.user_nid)
    return found
