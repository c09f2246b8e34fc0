"""Invites that arrived before the rule that would refuse them now: taken back, where that is wanted."""

from __future__ import annotations

from typing import Any, Final

import structlog

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import membership
from matrix_app.services.known_rooms import find_here
from matrix_app.services.local_leave import leave_locally
from matrix_app.services.policy_lists.enforcement import ban_of_invite
from matrix_app.storage import db, members, policy_lists, rooms
from matrix_app.storage.clock import now_ms
from matrix_app.storage.members import Membership
from matrix_app.storage.policy_lists import ListRow, WaitingInvite

_log = structlog.get_logger("matrix_app.policy_lists")
BATCH: Final = 500
_LEAVE: Final[dict[str, Any]] = {"membership": "leave"}


def end_banned_invites() -> None:
    """Look at the invites that wait by the rules of lists that have changed: called by the worker."""
    lists = [
        row for row in policy_lists.enabled() if row.end_invites and row.ended_state_nid != row.state_nid
    ]
    if not lists:
        return
    place = (0, 0)
    while True:
        found = policy_lists.invites_after(*place, BATCH)
        for invite in found:
            _look(lists, invite)
        if len(found) < BATCH:
            break
        place = (found[-1].user_nid, found[-1].room_nid)
    with db.write():
        for row in lists:
            if row.state_nid is not None:
                policy_lists.note_ended(row.nid, row.state_nid)


def _look(lists: list[ListRow], invite: WaitingInvite) -> None:
    for row in lists:
        rule = ban_of_invite(row, invite.sender, invite.room_id)
        if rule is not None:
            _log.info("invite taken back", list=row.room_id, sender=invite.sender, rule=rule.entity)
            if _end(invite):
                with db.write():
                    policy_lists.count_refusal(row.nid, now_ms())
            return


def _end(invite: WaitingInvite) -> bool:
    """Turn an invite down as its user; where this server is not in the room, nobody elsewhere is told."""
    present = members.get(invite.room_nid, invite.user_nid)
    if present is None or present.membership != Membership.INVITE:
        return False  # answered meanwhile
    who = Requester(invite.user_id, invite.user_nid, None, None, None)
    try:
        if find_here(invite.room_id) is None:
            leave_locally(rooms.by_nid(invite.room_nid), invite.user_id, _LEAVE)
        else:
            membership.leave(who, invite.room_id, forced=True)
    except MatrixError as error:
        # One that stays must not keep the others.
        _log.warning("invite not taken back", room_id=invite.room_id, error=error.message)
        return False
    return True
