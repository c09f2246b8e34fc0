"""Membership events that other servers hand in: the last step of their handshakes."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.errors import AuthorizationFailed, BadRequest, Forbidden, InvalidParam
from matrix_app.protocol.event_format import check_pdu_format
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import check_content_hash, event_id_of
from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.protocol.signing import add_event_signature
from matrix_app.services.blocked_rooms import refuse_blocked
from matrix_app.services.known_events import is_same
from matrix_app.services.local_identity import local_identity
from matrix_app.services.member_content import AUTHORISER
from matrix_app.services.policy_signing import store_asking
from matrix_app.services.received_checks import passes_in, present_entries, wanted_pairs
from matrix_app.services.received_events import MissingEventsError
from matrix_app.services.relaying import relay
from matrix_app.services.restricted_joins import authorising_user
from matrix_app.services.room_writer import read_room
from matrix_app.storage import events
from matrix_app.storage.events import EventRow, Status
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.rooms import RoomIdentity


def read_membership(pdu: dict[str, Any], rules: RoomVersion, room_id: str, membership: str) -> Event:
    """The membership event in a request, whose format, hash and place have been checked.

    Raises `Forbidden` for one that nobody has signed, `BadJson`, `TooLarge` or `InvalidParam`. Whether its
    signatures are right, and who may send it, is not checked.
    """
    # What is signed is the content hash, among the rest: without one there is no signature to check.
    if "hashes" not in pdu or "signatures" not in pdu:
        raise Forbidden("The event is not signed as it has to be: it has no hashes or no signatures")
    pdu = {key: value for key, value in pdu.items() if key != "unsigned"}
    check_pdu_format(pdu, rules)
    if not check_content_hash(pdu):
        raise InvalidParam("The event's content does not have the hash that the event names")
    event = Event(pdu, event_id_of(pdu, rules), rules)
    if event.type != "m.room.member" or event.state_key is None:
        raise InvalidParam("The event is not a membership event")
    if event.content.get("membership") != membership:
        raise InvalidParam(f"The membership of the event is not {membership}")
    if event.room_id != room_id:
        raise InvalidParam("The event is of another room")
    return event


def read_own_membership(pdu: dict[str, Any], room: RoomIdentity, membership: str, origin: str) -> Event:
    """As `read_membership`, of a user of the server that asks, by themselves."""
    event = read_membership(pdu, room.rules, room.room_id, membership)
    if domain_of(event.sender) != origin:
        # "A specific error code is not mandated": of those that servers give, this one tells what is wrong.
        raise Forbidden("The sender of the event is not of your server")
    if event.state_key != event.sender:
        raise InvalidParam("The event's state key is not its sender")
    if membership != "leave":
        refuse_blocked(room)
    return event


def let_in(room: RoomIdentity, event: Event) -> Event:
    """A join, with this server's signature where it rests on the power of one of its users.

    Raises `Forbidden`, `UnableToAuthoriseJoin` or `UnableToGrantJoin` unless the user may be let in so.
    """
    authoriser = event.content.get(AUTHORISER) if room.rules.restricted_join else None
    if not isinstance(authoriser, str) or domain_of(authoriser) != local_server_name():
        return event
    authorising_user(read_room(room), event.sender)
    identity = local_identity()
    pdu = add_event_signature(event.pdu, room.rules, identity.server_name, identity.signing_key)
    return Event(pdu, event.event_id, room.rules)


def accept(room: RoomIdentity, event: Event) -> EventRow:
    """Store a membership event whose signatures have been checked, and send it on to the room's servers.

    One that was accepted before stays as it is. Raises `AuthorizationFailed` when the room refuses it, and
    `InvalidParam` for another event than the one that has its ID.
    """
    row = events.row_by_id(event.event_id)
    if row is not None and not is_same(row, event):
        raise InvalidParam("The ID of the event is that of another one")
    if row is None or row.is_outlier:
        _store(room, event)
        row = events.row_by_id(event.event_id)
    if row is None or row.status != Status.NORMAL or row.room_nid != room.nid:
        raise AuthorizationFailed("The room does not allow this event")
    return row


def _store(room: RoomIdentity, event: Event) -> None:
    # Refused ones are not kept: nothing can refer to an event that nobody has accepted.
    if not passes_in(event, present_entries(room, wanted_pairs(event))):
        raise AuthorizationFailed("The room does not allow this event")

    try:
        store_asking(room, event, beside=lambda: relay(event))
    except MissingEventsError as missing:
        unknown = ", ".join([*missing.previous, *missing.auth])
        raise BadRequest(f"The event names events that are not known here: {unknown}") from missing
