"""What becomes of the answer to a join: the room, from the auth chain and the state that it holds."""

from __future__ import annotations

from typing import IO, Any, Final, NamedTuple

from matrix_app.federation.inbound.answers import CHAIN, Answer, AnswerReader, Survey, survey
from matrix_app.federation.inbound.event_spool import EventSpool
from matrix_app.federation.inbound.gaps import GapFiller
from matrix_app.federation.inbound.pdus import read_pdu, verified
from matrix_app.federation.inbound.peers import peers
from matrix_app.federation.inbound.progress import Progress
from matrix_app.protocol.errors import AuthorizationFailed, BadGateway
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import V1, V2, RoomVersion
from matrix_app.services.adopt_state import Transaction, adopt_state
from matrix_app.services.known_rooms import is_here
from matrix_app.services.member_content import AUTHORISER
from matrix_app.services.outliers import BATCH, store_ordered
from matrix_app.services.policy_signing import store_asking
from matrix_app.services.received_events import MissingEventsError
from matrix_app.storage import db, rooms
from matrix_app.storage.events import Status
from matrix_app.storage.rooms import RoomIdentity

STATE: Final = "state"
# How long the keys of all the servers in a room may take.
KEY_SECONDS: Final = 180.0


class HandedIn(NamedTuple):
    """A join that a server has taken, and the version of the room by its template."""

    rules: RoomVersion
    event: Event
    server: str


def take_in(
    join: HandedIn, file: IO[bytes], progress: Progress, beginning: Transaction = db.write
) -> RoomIdentity:
    """Store the room with everything in the answer that can be verified, and let it begin with the join.

    `beginning` is the transaction with which it does.
    Raises `BadGateway` when the answer is not one, `AuthorizationFailed` when the state in it does not allow
    the join, and whatever the progress raises. What has been stored until then is used the next time.
    """
    answer = Answer(file, join.server)
    found = survey(answer, fields=("event", "members_omitted"), lists=(STATE, CHAIN))
    if found.fields.get("members_omitted") is True:
        raise BadGateway(f"{join.server} did not tell who is in the room")
    unknown = RoomIdentity(0, join.event.room_id, join.rules)
    event = _as_signed_there(unknown, join, found.fields.get("event"))
    with EventSpool(unknown) as spool:
        state_ids, rules = _read(unknown, spool, join, answer, found, progress)
        with db.write_unsynced():
            room = rooms.ensure(event.room_id, rules.identifier)
        if room.rules != rules:
            raise _other_version(join.server)
        for count in store_ordered(room, spool.batches(BATCH)):
            progress.stored(count)
    if is_here(room.room_id):
        _receive(room, event, join.server)
    else:
        progress.entering()
        adopt_state(room, event, state_ids, beginning)
    return room


def _read(
    room: RoomIdentity,
    spool: EventSpool,
    join: HandedIn,
    answer: Answer,
    found: Survey,
    progress: Progress,
) -> tuple[list[str], RoomVersion]:
    progress.surveyed(found.events)
    peers().learn_keys(found.keys, KEY_SECONDS, progress.check)
    reader = AnswerReader(room, spool, answer, progress)
    state_ids = reader.read(state=STATE)
    creates = [reader.creates[event_id] for event_id in state_ids if event_id in reader.creates]
    if not creates:
        raise BadGateway(f"{join.server} did not tell how the room began")
    versions = [create.content.get("room_version", "1") for create in creates]
    # "If not provided, the room version is assumed to be either "1" or "2"": their events are the same.
    rules = V2 if join.rules == V1 and versions[0] == V2.identifier else join.rules
    if any(version != rules.identifier for version in versions):
        raise _other_version(join.server)
    return state_ids, rules


def _other_version(server: str) -> BadGateway:
    return BadGateway(f"{server} says that the room has another version than it has")


def _as_signed_there(room: RoomIdentity, join: HandedIn, given: Any) -> Event:
    # "The signed copy of the membership event sent to other servers by the resident server, including the
    # resident server's signature." It is needed where a user of that server lets the user in.
    needed = AUTHORISER in join.event.content
    if not isinstance(given, dict):
        if needed:
            raise BadGateway(f"{join.server} did not sign the join as it must")
        return join.event
    signed = read_pdu(room, given)
    if signed.event_id != join.event.event_id:
        if needed:
            raise BadGateway(f"{join.server} answered with another join than it was given")
        return join.event
    kept = verified([signed], origin=join.server)
    if not kept:
        raise BadGateway(f"{join.server} did not sign the join as it must")
    return kept[0]


def _receive(room: RoomIdentity, event: Event, server: str) -> None:
    """This server is in the room already, but another one had to let its user in."""
    try:
        status = store_asking(room, event)
    except MissingEventsError:
        GapFiller(room, server).complete(event)
        status = store_asking(room, event)
    if status in (Status.REJECTED, Status.SOFT_FAILED):
        raise AuthorizationFailed("The state of the room does not allow this")
