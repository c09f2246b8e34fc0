"""What an event says about other events: relations and redactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matrix_app.protocol.event_auth import may_apply_redaction
from matrix_app.protocol.events import Event, StateMap
from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.relations import relation_of
from matrix_app.services.effects import self_destruct, unread
from matrix_app.services.state_forks import PlannedState
from matrix_app.storage import events, relations
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.relations import RelationRow
from matrix_app.storage.rooms import RoomIdentity

# The entries of a state that say who may redact the events of others.
DECIDING: Final = (("m.room.create", ""), ("m.room.power_levels", ""))


def apply(room: RoomIdentity, event: Event, nid: int, sender_nid: int) -> None:
    """Store what a new event says of others and of its own end, and apply redactions by it."""
    relation = relation_of(event.content) if event.state_key is None else None
    if relation is not None:
        relations.put(
            RelationRow(
                nid, room.nid, relation.event_id, relation.rel_type, relation.key, sender_nid, event.type
            )
        )
    self_destruct.apply(event, nid)
    if event.type == "m.room.redaction" and event.redacts is not None:
        _redact(room, event, nid)


def _redact(room: RoomIdentity, redaction: Event, nid: int) -> None:
    relations.put_redaction(nid, redaction.redacts or "", _applied(room, redaction, nid))


def _applied(room: RoomIdentity, redaction: Event, nid: int) -> bool:
    """Redact, if the target is here and the redaction is allowed to; whether it is."""
    target = events.row_by_id(redaction.redacts or "")
    if target is None or target.room_nid != room.nid:
        return False
    if not may_apply_redaction(redaction, events.parse(target), _state_before(nid)):
        return False
    unread.forget(target)
    events.set_redacted(target.nid, nid)
    relations.remove(target.nid)
    if target.thread_root_nid is not None and target.redacted_by_nid is None:
        relations.shorten_thread(target.thread_root_nid, target.sender_nid)
    return True


def is_hidden(event: Event, states: Sequence[StateMap]) -> bool:
    """Whether an event redacts another which is not for it to redact, or from version 3 on not here.

    "Handling redactions": such an event "should not be sent to clients until both [...] have been received,
    and can be validated". Users of this server see their own. Each of `states` has to allow it, of which
    those entries are given that are `DECIDING`: that before the event, and for a new one the present state,
    or who has lost the power could go on redacting from before that.
    """
    if event.type != "m.room.redaction" or event.redacts is None:
        return False
    target = events.row_by_id(event.redacts)
    if target is None:
        settled = event.rules.redaction_auth_by_event_id
        return not settled and domain_of(event.sender) != local_server_name()
    redacted = events.parse(target)
    return not all(may_apply_redaction(event, redacted, state) for state in states)


def hold_back(redaction: Event, nid: int) -> None:
    """Store that a hidden redaction waits for a target that it may redact."""
    relations.put_redaction(nid, redaction.redacts or "", False)


def apply_waiting(room: RoomIdentity, event_id: str) -> None:
    """Apply the redactions that came before the event which they redact, and let clients see them."""
    for redaction_nid in relations.pending_redactions(event_id):
        redaction = events.events_by_nid([redaction_nid])[redaction_nid]
        if redaction.room_id == room.room_id and _applied(room, redaction, redaction_nid):
            relations.mark_applied(redaction_nid)
            events.show(redaction_nid)


def _state_before(nid: int) -> StateMap:
    return PlannedState(events.rows_by_nid([nid])[nid].state_nid, {}).find(DECIDING)
