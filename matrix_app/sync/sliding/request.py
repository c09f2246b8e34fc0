"""One sliding sync, as everything that computes its answer sees it."""

from __future__ import annotations

from dataclasses import dataclass

from matrix_app.http.requester import Requester
from matrix_app.protocol.filters import Filter, RoomEventFilter, RoomFilter
from matrix_app.services.lost_time import remembers_token
from matrix_app.sync.sliding.body import Body
from matrix_app.sync.sliding.connection import Connection
from matrix_app.sync.v2.request import SyncRequest


@dataclass(frozen=True, slots=True)
class SlidingRequest:
    """One sliding sync. `since` is None for the first of a connection; `upto` is what it brings."""

    requester: Requester
    body: Body
    connection: Connection
    since: int | None
    upto: int

    @property
    def user_nid(self) -> int:
        """Who syncs."""
        return self.requester.user_nid

    @property
    def from_lost_time(self) -> bool:
        """Whether the client begins anew because a restore has undone what it was told last.

        It keeps the members that it knows, and the messages to devices up to where it got them.
        """
        wanted = self.body.extensions.to_device
        return self.since is None and wanted is not None and remembers_token(wanted.since)

    def as_sync(self, timeline_limit: int = 0) -> SyncRequest:
        """The sync of version 2 which shows the same changes, for what the two have in common."""
        timeline = RoomEventFilter(limit=timeline_limit)
        chosen = Filter(room=RoomFilter(timeline=timeline))
        return SyncRequest(self.requester, chosen, self.since, self.upto, state_section="state_after")
