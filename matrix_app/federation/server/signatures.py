"""Checking the signatures of events that come in requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matrix_app.federation.keys import event_faults
from matrix_app.protocol.errors import Forbidden, InvalidParam
from matrix_app.protocol.events import Event

_SECONDS: Final = 40.0


def require_signatures(event: Event) -> None:
    """Raise `Forbidden` unless every server that has to sign the event did."""
    (fault,) = event_faults([event], _SECONDS)
    if fault is not None:
        raise Forbidden(f"The event is not signed as it has to be: {fault.message}") from fault
    if event.is_unauthorised:
        raise Forbidden("The event is not signed by the server that is said to have let the user in")


def require_all_signatures(events: Sequence[Event]) -> None:
    """Raise `InvalidParam` unless all the events that come with another are signed."""
    for fault in event_faults(events, _SECONDS):
        if fault is not None:
            raise InvalidParam(f"An event is not signed as it has to be: {fault.message}") from fault
