"""Who came into a common room with the user since the last sync, and who may share none any more."""

from __future__ import annotations

from dataclasses import dataclass, field

from matrix_app.storage import members
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.stream import Kind
from matrix_app.sync.v2.request import SyncRequest
from matrix_app.sync.v2.scope import Scope

_CONCERNED = (Membership.JOIN, Membership.INVITE)


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
    rows = [row for nid in changed & entered for row in members.in_room(nid, _CONCERNED)]
    if changed - entered:
        rows += members.changed_between(changed - entered, request.after, request.upto)
    for row in rows:
        found.add(row)
    for nid, row in scope.changed.items():
        if row.membership in (Membership.LEAVE, Membership.BAN):
            found.gone |= {row.user_nid for row in members.in_room(nid, _CONCERNED)}
    for users in (found.arrived, found.invited, found.gone):
        users.discard(request.user_nid)
    return found
