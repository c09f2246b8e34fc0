"""The events of one room in one sync."""

from __future__ import annotations

from dataclasses import dataclass, field

from matrix_app.protocol.tokens import HistoryToken, StreamToken
from matrix_app.storage.events import EventRow


@dataclass(slots=True)
class Timeline:
    """The events of a room since the last sync, oldest first. Shared ones are never changed."""

    rows: list[EventRow] = field(default_factory=list)
    limited: bool = False
    # Everything after this position is in the timeline.
    start: int = 0
    # The same for everybody who has been in the room all the while; see `windows`.
    is_shared: bool = False

    @property
    def prev_batch(self) -> str:
        """From where /messages goes on, backwards: right behind all that had come before the timeline.

        The first event of the timeline is no such place: it may have come later than what followed it.
        Before the first of all that came is only what is fetched from other servers.
        """
        if self.start or not self.rows:
            return str(StreamToken(self.start))
        return str(HistoryToken.before(self.rows[0].depth, self.rows[0].nid))
