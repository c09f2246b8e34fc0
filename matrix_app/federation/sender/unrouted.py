"""Changes for which it cannot be found whom they are for, by a fault of our own.

They are left out, so that all others are sent, and kept: they are tried again, later each time, and the
checks show them. Servers that one turns out to be for may have got what came after it. So these fall behind
from before it, and the database says what they lack, as it does after an outage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import structlog

from matrix_app.federation.sender.routing import Routed, Router
from matrix_app.services.boundary import Boundary
from matrix_app.services.retry_wait import growing
from matrix_app.storage import db, outbound, unrouted_changes
from matrix_app.storage.clock import now_ms
from matrix_app.storage.stream import LogEntry

FIRST_RETRY_MS: Final = 15_000
LONGEST_RETRY_MS: Final = 3_600_000
# Where more wait than this, every server is asked what it lacks instead.
MOST: Final = 1_000
AT_ONCE: Final = 50


_log = structlog.get_logger("matrix_app.federation.sender")


class Broken(NamedTuple):
    """A change that cannot be routed, and why."""

    entry: LogEntry
    fault: str


@dataclass
class Late:
    """What came of changes that are routed after others: from where on which servers lack something.

    `positions` are those of the changes.
    """

    since: dict[int, int] = field(default_factory=dict)
    with_messages: set[int] = field(default_factory=set)
    positions: list[int] = field(default_factory=list)

    @property
    def is_kept(self) -> bool:
        """Whether the changes are in the database, so that nothing is lost when this process ends."""
        return bool(self.positions)

    def servers(self) -> set[int]:
        """Everybody who lacks something."""
        return {*self.since, *self.with_messages}

    def take(self, position: int, routed: Routed) -> None:
        """A change has been routed. Nobody misses what is only true for a moment."""
        self.positions.append(position)
        self.with_messages |= routed.with_messages
        for server_nid, owed in routed.owed.items():
            for item in owed:
                self._lacks(server_nid, item.position - 1)

    def _lacks(self, server_nid: int, since: int) -> None:
        self.since[server_nid] = min(since, self.since.get(server_nid, since))

    def joined(self, other: Late) -> Late:
        """This and another; of neither it is certain then that all of it is kept."""
        both = Late(dict(self.since), self.with_messages | other.with_messages)
        for server_nid, since in other.since.items():
            both._lacks(server_nid, since)
        return both


def route(router: Router, entries: list[LogEntry]) -> tuple[Routed, list[Broken]]:
    """For whom changes are, and those of which it cannot be found."""
    is_one = len(entries) == 1
    with Boundary("for whom a change is cannot be found", is_logged=is_one, change=entries[0]) as boundary:
        return router.route(entries), []
    if is_one:
        return Routed(), [Broken(entries[0], repr(boundary.fault))]
    half = len(entries) // 2
    first, broken = route(router, entries[:half])
    second, others = route(router, entries[half:])
    return first.followed_by(second), [*broken, *others]


def keep(broken: Sequence[Broken], position: int) -> Late | None:
    """Keep changes that were read after a position; what follows at once where there are too many to keep."""
    if not broken:
        return None
    now = now_ms()
    with db.write():
        if unrouted_changes.count() + len(broken) > MOST:
            _log.error("too many changes cannot be routed: every server catches up", since=position)
            return Late(dict.fromkeys(outbound.servers_elsewhere(), position))
        for entry, fault in broken:
            unrouted_changes.add(entry, fault, now, now + FIRST_RETRY_MS)
    return None


def again(router: Router) -> Late | None:
    """Try the changes that are due; None when there are none that can be routed now."""
    late = Late()
    for entry, attempts in unrouted_changes.due(now_ms(), AT_ONCE):
        routed, broken = route(router, [entry])
        if broken:
            wait = growing(FIRST_RETRY_MS, attempts, LONGEST_RETRY_MS)
            with db.write():
                unrouted_changes.postpone(entry.position, attempts + 1, now_ms() + wait, broken[0].fault)
        else:
            late.take(entry.position, routed)
    return late if late.positions else None


def settle(late: Late) -> None:
    """Note what late changes mean for their servers, and that these are done."""
    with db.write():
        if late.since:
            outbound.set_back(late.since)
        if late.positions:
            unrouted_changes.remove(late.positions)
