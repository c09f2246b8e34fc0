"""Changes of a room's present state: current state, memberships, and the room's summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from matrix_app.protocol.events import Event, type_and_key
from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.memberships import is_membership
from matrix_app.services import user_directory
from matrix_app.services.background import run_later
from matrix_app.services.effects import device_lists, stripped_state, unread
from matrix_app.storage import guests, interning, invite_state, members, state, summaries, typing
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.rooms import RoomIdentity


class StateChange(NamedTuple):
    """One entry of the present state that becomes `event`, or goes away (None)."""

    key_nid: int
    type: str
    state_key: str
    event: Event | None
    event_nid: int
    position: int


def apply(room: RoomIdentity, changes: Sequence[StateChange]) -> None:
    """Make the changes to the present state of a room, in order."""
    before = state.current(room.nid, {change.key_nid for change in changes})
    entries = []
    for change in changes:
        wanted = change.event_nid if change.event is not None else 0
        previous = before.get(change.key_nid) or None
        is_member = change.type == "m.room.member"
        entries.append(state.CurrentChange(change.position, change.key_nid, wanted, previous, is_member))
        before[change.key_nid] = wanted
    state.change_current(room.nid, entries)
    counts = _Counts()
    for change in changes:
        if is_membership(change.type, change.state_key):
            _member_changed(room, change, counts)
    fields: dict[str, Any] = {}
    for change in changes:
        fields.update(_summary_fields(change))
        if (change.type, change.state_key) == ("m.room.tombstone", "") and change.event is not None:
            run_later("follow_tombstone", room.nid)
    if fields.get("guest_access", "can_join") != "can_join" and guests.joined(room.nid):
        run_later("remove_guests")
    summaries.update(room.nid, fields, counts.joined, counts.invited, counts.local)
    if counts.remote_left:
        device_lists.remote_left(counts.remote_left)
    if counts.local < 0 and not summaries.local_members(room.nid):
        device_lists.nobody_left(room)


class _Counts:
    def __init__(self) -> None:
        self.joined = self.invited = self.local = 0
        self.remote_left: list[int] = []

    def count(self, user_nid: int, old: int, new: int, is_local: bool) -> int:
        joined = (new == Membership.JOIN) - (old == Membership.JOIN)
        self.joined += joined
        self.invited += (new == Membership.INVITE) - (old == Membership.INVITE)
        self.local += joined if is_local else 0
        if joined < 0 and not is_local:
            self.remote_left.append(user_nid)
        return joined


# A property that makes a view each time.
_MEMBERSHIPS = dict(Membership.__members__)


def membership_in(event: Event | None) -> Membership:
    """The membership that a member event gives; one without a known value counts as "leave"."""
    value = event.content.get("membership") if event is not None else None
    return _MEMBERSHIPS.get(value.upper(), Membership.LEAVE) if isinstance(value, str) else Membership.LEAVE


def _member_changed(room: RoomIdentity, change: StateChange, counts: _Counts) -> None:
    user_id = change.state_key
    user_nid = interning.user_nid(user_id)
    is_local = domain_of(user_id) == local_server_name()
    old = members.get(room.nid, user_nid)
    old_value = old.membership if old else Membership.LEAVE
    new_value = membership_in(change.event)
    kept = old is not None and old.membership == new_value
    members.put(
        MemberRow(
            room_nid=room.nid,
            user_nid=user_nid,
            membership=new_value,
            event_nid=change.event_nid,
            sender_nid=interning.user_nid(change.event.sender) if change.event else user_nid,
            is_local=is_local,
            # "Rooms which have been forgotten will never appear [...] until the user re-joins, is
            # re-invited, or knocks."
            forgotten=old is not None and old.forgotten and new_value in (Membership.LEAVE, Membership.BAN),
            position=change.position,
            changed_position=old.changed_position if kept and old else change.position,
        )
    )
    joined = counts.count(user_nid, old_value, new_value, is_local)
    if joined:
        members.count_server(room.nid, interning.server_nid(domain_of(user_id)), joined)
    if is_local:
        _local_member_changed(room, user_nid, old_value, new_value, change)
    elif new_value == Membership.JOIN and change.event is not None:
        user_directory.seen(user_nid, user_id, change.event.content.get("displayname"))


def _local_member_changed(
    room: RoomIdentity, user_nid: int, old: int, new: Membership, change: StateChange
) -> None:
    if new == Membership.JOIN and old != Membership.JOIN:
        unread.start(room, user_nid, change.position)
    elif old == Membership.JOIN and new != Membership.JOIN and typing.remove(room.nid, user_nid):
        typing.rooms_changed([room.nid])
    if new in (Membership.INVITE, Membership.KNOCK):
        stripped_state.collect(room, user_nid, change.event)
    elif old in (Membership.INVITE, Membership.KNOCK):
        invite_state.remove(room.nid, user_nid)


def _text(content: dict[str, Any], key: str) -> str | None:
    found = content.get(key)
    # PostgreSQL keeps no NUL; the event itself has it still.
    return found.replace("\0", "\ufffd") if isinstance(found, str) and found else None


# Event type (with an empty state key) -> column of the summary -> key of the content.
_FIELDS: dict[str, tuple[tuple[str, str, str | None], ...]] = {
    "m.room.name": (("name", "name", None),),
    "m.room.topic": (("topic", "topic", None),),
    "m.room.canonical_alias": (("canonical_alias", "alias", None),),
    "m.room.avatar": (("avatar_url", "url", None),),
    "m.room.join_rules": (("join_rule", "join_rule", "invite"),),
    "m.room.history_visibility": (("history_visibility", "history_visibility", "shared"),),
    "m.room.guest_access": (("guest_access", "guest_access", "forbidden"),),
    "m.room.encryption": (("encryption", "algorithm", None),),
    "m.room.create": (("room_type", "type", None),),
}


def is_plain(pair: type_and_key) -> bool:
    """Whether nothing but the present state itself changes with this entry of it."""
    return pair[0] != "m.room.member" and (pair[0] not in _FIELDS or pair[1] != "")


def _summary_fields(change: StateChange) -> dict[str, Any]:
    if change.state_key != "" or change.type not in _FIELDS:
        return {}
    content = change.event.content if change.event is not None else {}
    fields: dict[str, Any] = {}
    for column, key, default in _FIELDS[change.type]:
        fields[column] = _text(content, key) or default
    if change.type == "m.room.create":
        fields["federate"] = content.get("m.federate") is not False
    return fields
