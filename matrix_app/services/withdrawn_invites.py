"""Invites and knocks of local users that the room takes back, in rooms which this server is not in."""

from __future__ import annotations

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import domain_of
from matrix_app.services.effects.state_changes import membership_in
from matrix_app.services.pending_servers import pending_servers
from matrix_app.storage import events, interning, invite_state, members, stream
from matrix_app.storage.events import NewEvent, Status
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.stream import Kind


def is_withdrawal(room: RoomIdentity, event: Event) -> bool:
    """Whether an event ends the invite or knock of a local user, and comes from whoever may do that.

    An invite is taken back by who sent it: whether anybody else has the power cannot be told here, where
    nothing else is known of the room than what the stripped state says. A knock is refused by servers that it
    names.
    """
    pending = _pending(room, event)
    if pending is None:
        return False
    if pending.membership == Membership.INVITE:
        return interning.find_user(event.sender) == pending.sender_nid
    return domain_of(event.sender) in pending_servers(pending)


def withdraw(room: RoomIdentity, event: Event) -> None:
    """Store such an event; inside a write transaction."""
    pending = _pending(room, event)
    if pending is None:
        return
    nid = _insert(room, event)
    position = stream.append_one(Kind.MEMBERSHIP, room=room.nid, user=pending.user_nid)
    changed = pending._replace(
        membership=membership_in(event),
        event_nid=nid,
        sender_nid=interning.user_nid(event.sender),
        position=position,
        changed_position=position,
    )
    members.put(changed)
    invite_state.remove(room.nid, pending.user_nid)


def _pending(room: RoomIdentity, event: Event) -> MemberRow | None:
    if event.type != "m.room.member" or event.content.get("membership") not in ("leave", "ban"):
        return None
    user_nid = interning.find_user(event.state_key or "")
    row = members.get(room.nid, user_nid) if user_nid is not None else None
    if row is None or not row.is_local or row.membership not in (Membership.INVITE, Membership.KNOCK):
        return None
    return row


def _insert(room: RoomIdentity, event: Event) -> int:
    known = events.row_by_id(event.event_id)
    if known is not None:
        return known.nid
    return events.insert(
        NewEvent(
            event=event,
            json=encode_canonical(event.pdu, lenient=True),
            room_nid=room.nid,
            key_nid=interning.key_nid(event.type, event.state_key or ""),
            sender_nid=interning.user_nid(event.sender),
            position=None,
            status=Status.NORMAL,
            is_outlier=True,
            state_nid=None,
            thread_root_nid=None,
            unread_ordinal=0,
        )
    )
