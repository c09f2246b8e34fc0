"""Redactions: who may send one in versions 1 and 2, and when one takes effect from version 3."""

from __future__ import annotations

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth.identifiers import server_of
from matrix_app.protocol.event_auth.power_levels import PowerLevels
from matrix_app.protocol.events import Event, StateMap


def check_redaction(event: Event, state: StateMap) -> None:
    """Rule 11 of versions 1 and 2; from version 3 a redaction is sent like any other event."""
    if not event.rules.redaction_auth_by_event_id:
        return
    # 11.1: the redact level; 11.2: or both event IDs are of one server.
    if not _has_redact_level(event, state) and not _same_event_domain(event, event.redacts):
        raise AuthorizationFailed(f"{event.sender} may not redact this event")


def may_apply_redaction(redaction: Event, redacted: Event, state: StateMap) -> bool:
    """Whether `redaction` takes effect on `redacted`; `state` is that before the redaction.

    Both events must have been accepted. False when it is about another event or another room, or about
    itself, as IDs of versions 1 and 2 let it be.
    """
    if redaction.event_id == redacted.event_id:
        return False
    if redaction.redacts != redacted.event_id or redaction.room_id != redacted.room_id:
        return False
    # "Handling redactions" 1: the sender has the redact level,
    if _has_redact_level(redaction, state):
        return True
    # In versions 1 and 2 that is settled by the authorisation rule, on event IDs.
    if redaction.rules.redaction_auth_by_event_id:
        return _same_event_domain(redaction, redacted.event_id)
    # 2: or is on the server of who sent the event.
    return server_of(redaction.sender) == server_of(redacted.sender)


def _has_redact_level(event: Event, state: StateMap) -> bool:
    levels = PowerLevels.from_state(state, event.rules)
    return levels.user_level(event.sender) >= levels.redact


def _same_event_domain(redaction: Event, redacted_id: str | None) -> bool:
    return redacted_id is not None and server_of(redaction.event_id) == server_of(redacted_id)
