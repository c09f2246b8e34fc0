"""What a client asks of /sync."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from matrix_app.http.requester import Requester
from matrix_app.protocol.filters import Filter

# Where the state of rooms is shown: before the timeline, after it, or after it as clients asked in MSC4222.
StateSection = Literal["state", "state_after", "org.matrix.msc4222.state_after"]


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """One sync. `since` is None from the beginning; `upto` is the position which it brings.

    `from_lost_time`: a restore has undone what the client was told last. It is told everything anew that
    may be otherwise than it believes, but for events, which it adds to those that it has.
    """

    requester: Requester
    filter: Filter
    since: int | None
    upto: int
    full_state: bool = False
    state_section: StateSection = "state"
    from_lost_time: bool = False

    @property
    def use_state_after(self) -> bool:
        """Whether the state is that at the end of the timeline."""
        return self.state_section != "state"

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
