"""What happened just before and after an event ("Event Context")."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.protocol.filters import RoomEventFilter
from matrix_app.protocol.tokens import HistoryToken
from matrix_app.services.history_page import read_page
from matrix_app.services.room_access import RoomAccess
from matrix_app.storage.events import EventRow


class Context(NamedTuple):
    """The events around an event, each list from it outwards, and places to page on from."""

    before: list[EventRow]
    event: EventRow
    after: list[EventRow]
    start: HistoryToken
    end: HistoryToken

    @property
    def last(self) -> EventRow:
        """The newest of the events."""
        return self.after[-1] if self.after else self.event

    @property
    def rows(self) -> list[EventRow]:
        """All of the events, oldest first."""
        return [*reversed(self.before), self.event, *self.after]


def read_context(
    access: RoomAccess,
    event: EventRow,
    *,
    before: int,
    after: int,
    wanted: RoomEventFilter | None = None,
) -> Context:
    """Up to `before` and `after` events around one that the reader may see."""
    ahead = HistoryToken.before(event.depth, event.nid)
    behind = HistoryToken(event.depth, event.nid)
    past = read_page(access, backwards=True, limit=before, start=ahead, wanted=wanted)
    future = read_page(access, backwards=False, limit=after, start=behind, wanted=wanted)
    first = past.rows[-1] if past.rows else event
    last = future.rows[-1] if future.rows else event
    return Context(
        past.rows,
        event,
        future.rows,
        past.end or HistoryToken.before(first.depth, first.nid),
        future.end or HistoryToken(last.depth, last.nid),
    )
