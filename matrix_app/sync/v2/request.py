"""What a client asks of /sync."""

from __future__ import annotations

from dataclasses import dataclass

from matrix_app.http.requester import Requester
from matrix_app.protocol.filters import Filter


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """One sync. `since` is None from the beginning; `upto` is the position which it brings."""

    requester: Requester
    filter: Filter
    since: int | None
    upto: int
    full_state: bool = False
    use_state_after: bool = False

    @property
    def user_nid(self) -> int:
        """Who syncs."""
        return self.requester.user_nid

    @property
    def after(self) -> int:
        """Changes after this position are news."""
        return self.since or 0

    @property
    def lazy(self) -> bool:
        """Whether member events are only wanted of those who appear."""
        return self.filter.room.state.lazy_load_members
