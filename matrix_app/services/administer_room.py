"""What administrators do with rooms, for pages, command line and API alike; all of it is audited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Conflict, Forbidden, MatrixError, NotFound
from matrix_app.protocol.event_auth import PowerLevels
from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.said import said
from matrix_app.services import audit
from matrix_app.services.administer_account import active_account
from matrix_app.services.audit import Actor
from matrix_app.services.joining import join
from matrix_app.services.known_rooms import find_here
from matrix_app.services.long_tasks import LongTask, long_task, start
from matrix_app.services.membership import invite, leave
from matrix_app.services.room_writer import RoomWriter, write_room
from matrix_app.services.shutdown_room import Shutdown, move_users, open_notice, unlist
from matrix_app.storage import (
    blocked_rooms,
    db,
    directory,
    interning,
    members,
    room_removal,
    rooms,
    summaries,
)
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.rooms import RoomIdentity

DELETE: Final = "room.delete"
_AT_A_TIME: Final = 50
# Of those who left, so many are named in what came of it.
_MOST_NAMED: Final = 1000
# An event follows some ends of the history, not any number.
_MOST_JOINS: Final = 50
_PRESENT: Final = (Membership.JOIN, Membership.INVITE, Membership.KNOCK)


def room_of(room_id: str) -> RoomIdentity:
    """A room that is known here; raises `NotFound`."""
    room = rooms.find(room_id)
    if room is None:
        raise NotFound("The room is not known")
    return room


def set_blocked(actor: Actor, room_id: str, blocked: bool) -> None:
    """Block a room, so that nobody joins it or is invited to it here; or let it be used again."""
    room = room_of(room_id)
    with db.write():
        blocked_rooms.set_blocked(room.nid, now_ms() if blocked else None)
        audit.record(actor, "room.block" if blocked else "room.unblock", room_id)


def set_published(actor: Actor, room_id: str, published: bool) -> None:
    """List a room in the directory, or no longer."""
    room = room_of(room_id)
    with db.write():
        directory.set_published(room.nid, published)
        audit.record(actor, "room.publish" if published else "room.unpublish", room_id)


def make_admin(actor: Actor, room_id: str, user_id: str) -> str:
    """Give a user the power of the most powerful user of this server in a room, and that user's ID.

    Raises `Forbidden` where no user of this server may give it, `Conflict` where the user has it already.
    """
    room = room_of(room_id)

    def change(writer: RoomWriter) -> str:
        giver, levels = _giver(writer)
        power = int(min(levels.user_level(giver), 100))
        if user_id == giver or levels.user_level(user_id) >= power:
            raise Conflict("The user has that power already")
        content = writer.state_content("m.room.power_levels")
        users = {**content.get("users", {}), user_id: power}
        writer.add(
            sender=giver, type="m.room.power_levels", state_key="", content={**content, "users": users}
        )
        return giver

    giver = write_room(room, change)
    with db.write():
        audit.record(actor, "room.make_admin", room_id, user=user_id, by=giver)
    return giver


def add_user(
    actor: Actor, requester: Requester, room_id: str, user_id: str, servers: Sequence[str] = ()
) -> None:
    """Let a user of this server join a room: as they may themselves, or invited by the administrator first.

    Raises what inviting and joining raise.
    """
    account = active_account(user_id)
    who = Requester(user_id, account.user_nid, None, None, None, is_guest=account.is_guest)
    room = find_here(room_id)
    if room is not None and summaries.get(room.nid).join_rule != "public":
        own = members.get(room.nid, requester.user_nid)
        if own is not None and own.membership == Membership.JOIN and requester.user_nid != account.user_nid:
            invite(requester, room_id, user_id)
    join(who, room_id, via=servers)
    audit.record(actor, "room.add_user", room_id, user=user_id)


def join_extremities(actor: Actor, room_id: str) -> int:
    """Bring the ends of a room's history together by an event that follows them all; how many fewer it has.

    Nothing is thrown away by it. Raises `Forbidden` where no user of this server may send to the room.
    """
    room = room_of(room_id)
    before = len(rooms.head(room.nid).extremities)
    if before < 2:
        return 0

    def change(writer: RoomWriter) -> None:
        levels = PowerLevels.from_state(writer.auth_state(), writer.room.rules)
        joined = interning.user_ids(members.local_joined(writer.room.nid)).values()
        best = max(joined, key=levels.user_level, default=None)
        if best is None:
            raise Forbidden("No user of this server is in this room")
        writer.add(sender=best, type="org.matrix.dummy_event", content={})

    for _ in range(_MOST_JOINS):
        write_room(room, change)
        if len(rooms.head(room.nid).extremities) < 2:
            break
    after = len(rooms.head(room.nid).extremities)
    audit.record(actor, "room.join_extremities", room_id, before=before, after=after)
    return before - after


def _giver(writer: RoomWriter) -> tuple[str, PowerLevels]:
    """The user of this server with the most power in a room, who may change the power levels."""
    levels = PowerLevels.from_state(writer.auth_state(), writer.room.rules)
    joined = interning.user_ids(members.local_joined(writer.room.nid)).values()
    able = [name for name in joined if domain_of(name) == local_server_name()]
    best = max(able, key=levels.user_level, default=None)
    if best is None or levels.user_level(best) < levels.level_for_event("m.room.power_levels", True):
        raise Forbidden("No user of this server may change who has which power in this room")
    return best, levels


def delete_room(
    actor: Actor, room_id: str, *, block: bool, purge: bool = True, notice: Shutdown | None = None
) -> int:
    """Have every user of this server leave a room, and remove it; the nid of the long task.

    `block` keeps everybody from coming back; without `purge` the room's events stay. Those who are in the
    room find themselves in a new one where `notice` names a user who says why.
    """
    room = room_of(room_id)
    params = {"room_nid": room.nid, "purge": purge}
    if notice is not None and notice.new_room_user_id is not None:
        params["new_room_nid"] = open_notice(notice.new_room_user_id, notice).nid
    with db.write():
        if block:
            set_blocked(actor, room_id, True)
        audit.record(actor, DELETE, room_id, block=block, purge=purge)
        return start(DELETE, said("Delete {room_id}", room_id=room_id), params, actor)


@long_task(DELETE)
def delete_some(task: LongTask) -> bool:
    """Let some users leave, or remove some of what is stored; True at the end."""
    room = rooms.by_nid(task.params["room_nid"])
    phase = task.checkpoint.setdefault("phase", "leave")
    if phase == "leave":
        return _leave_some(task, room)
    task.step = said("removing events")
    with db.write():
        more = room_removal.remove_events(room.nid)
        task.done += room_removal.CHUNK if more else 0
    if more:
        return False
    with db.write():
        room_removal.remove_rest(room.nid)
    return True


def _leave_some(task: LongTask, room: RoomIdentity) -> bool:
    task.step = said("users leave")
    present = [row for row in members.in_room(room.nid, _PRESENT) if row.is_local]
    new_nid = task.params.get("new_room_nid")
    new_room = None if new_nid is None else rooms.by_nid(new_nid)
    if present and find_here(room.room_id) is None:
        _turn_down(task, room, [row.user_nid for row in present])
    elif present:
        _move_some(task, room, new_room, present[:_AT_A_TIME])
        return False
    task.result = {key: task.checkpoint[key] for key in ("left", "not_left") if key in task.checkpoint}
    unlist(room, new_room)
    task.checkpoint["phase"] = "purge"
    return not task.params["purge"]


def _move_some(
    task: LongTask, room: RoomIdentity, new_room: RoomIdentity | None, present: list[MemberRow]
) -> None:
    """Let users leave, those first join the new room who are in the old one: both can be done again."""
    if new_room is not None:
        joined = [row.user_nid for row in present if row.membership == Membership.JOIN]
        move_users(new_room, list(interning.user_ids(joined).values()), "join")
    users = list(interning.user_ids(row.user_nid for row in present).values())
    move_users(room, users, "leave")
    task.checkpoint["left"] = task.checkpoint.get("left", 0) + len(users)
    task.checkpoint["users"] = [*task.checkpoint.get("users", ()), *users][:_MOST_NAMED]


def _turn_down(task: LongTask, room: RoomIdentity, user_nids: list[int]) -> None:
    """Have users turn down invites to a room that only other servers know; some may not answer."""
    for nid, user_id in interning.user_ids(user_nids).items():
        requester = Requester(user_id=user_id, user_nid=nid, device_id=None, device_nid=None, token_nid=None)
        try:
            leave(requester, room.room_id)
            task.checkpoint["left"] = task.checkpoint.get("left", 0) + 1
        except MatrixError as error:
            task.checkpoint["not_left"] = f"{user_id}: {error.message}"
