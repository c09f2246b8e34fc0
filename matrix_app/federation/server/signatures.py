"""Checking the signatures of events that come in requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matrix_app.federation import loop
from matrix_app.federation.keys import verify_event_signatures
from matrix_app.protocol.errors import Forbidden, InvalidParam
from matrix_app.protocol.events import Event

_SECONDS: Final = 40.0


def require_signatures(event: Event) -> None:
    """Raise `Forbidden` unless every server that has to sign the event did."""
    (fault,) = loop.run(verify_event_signatures([event]), timeout=_SECONDS)
    if fault is not None:
        raise Forbidden(f"The event is not signed as it has to be: {fault.message}") from fault


def require_all_signatures(events: Sequence[Event]) -> None:
    """Raise `InvalidParam` unless all the events that come with another are signed."""
    for fault in loop.run(verify_event_signatures(events), timeout=_SECONDS):
        if fault is not None:
            raise InvalidParam(f"An event is not signed as it has to be: {fault.message}") from fault
