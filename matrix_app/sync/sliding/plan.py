"""What a client is to be told of each room that it asks about."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import Enum

from matrix_app.storage.listed_rooms import ListedRoom
from matrix_app.storage.members import Membership
from matrix_app.sync.sliding.connection import OVER, STRIPPED, Sent
from matrix_app.sync.sliding.ledger import DIRECT, Ledger
from matrix_app.sync.sliding.matching import Matched
from matrix_app.sync.sliding.required_state import RequiredState, RoomConfig
from matrix_app.sync.sliding.room_list import PENDING, Rooms, activity


class Kind(Enum):
    """The form in which a room is shown."""

    JOINED = "joined"
    PENDING = "pending"  # invited or knocked
    OVER = "over"  # left, or removed by somebody


@dataclass(frozen=True, slots=True)
class Plan:
    """What to tell of a room.

    `sent` is what the client has; None where it begins anew. News are what came after `after`.
    """

    kind: Kind
    room: ListedRoom
    config: RoomConfig
    sent: Sent | None
    after: int
    # Events and state have come.
    has_news: bool = True
    # More of the latest events is wanted than was sent.
    is_expanded: bool = False
    is_direct: bool = False
    # The user has read further, perhaps on another device.
    is_read: bool = False
    # The state that was asked for before.
    earlier: RequiredState | None = None

    @property
    def nid(self) -> int:
        """The room."""
        return self.room.room_nid

    @property
    def is_initial(self) -> bool:
        """Whether the client knows nothing of the room."""
        return self.sent is None


class Planner:
    """Compares what a client wants of rooms with what it has been sent."""

    def __init__(
        self, ledger: Ledger, since: int | None, direct: Container[int], read: Container[int]
    ) -> None:
        self._ledger = ledger
        self._since = since or 0
        self._direct = direct
        self._read = read
        self._covered: dict[tuple[int, int], bool] = {}

    def plans(self, matched: Matched, every: Rooms) -> list[Plan]:
        """What there is to tell; rooms without news are not among it."""
        found = [self._plan(every[nid], config) for nid, config in matched.configs.items()]
        return [plan for plan in found if plan is not None]

    def _plan(self, room: ListedRoom, config: RoomConfig) -> Plan | None:
        sent = self._ledger.before(room.room_nid)
        after = self._since if sent is None else sent.since or self._since
        if room.membership == Membership.JOIN:
            return self._joined(room, config, sent, after)
        if room.membership in PENDING:
            return self._pending(room, config, sent, after)
        if sent is not None and sent.limit == OVER and room.position <= after:
            return None
        if sent is None or sent.limit < 0:
            return Plan(Kind.OVER, room, config, None, 0)
        return Plan(Kind.OVER, room, config, sent, after)

    def _pending(self, room: ListedRoom, config: RoomConfig, sent: Sent | None, after: int) -> Plan | None:
        is_direct = room.room_nid in self._direct
        if sent is None or sent.limit != STRIPPED or room.position > after:
            return Plan(Kind.PENDING, room, config, None, 0, is_direct=is_direct)
        if is_direct is bool(sent.flags & DIRECT):
            return None
        return Plan(Kind.PENDING, room, config, sent, after, is_direct=is_direct)

    def _joined(self, room: ListedRoom, config: RoomConfig, sent: Sent | None, after: int) -> Plan | None:
        is_direct = room.room_nid in self._direct
        if sent is None or sent.limit < 0 or room.changed_position > after:
            return Plan(Kind.JOINED, room, config, None, 0, is_direct=is_direct)
        has_news = activity(room) > after
        is_expanded = config.limit > sent.limit
        is_read = room.room_nid in self._read
        is_other = is_read or is_direct is not bool(sent.flags & DIRECT)
        if not (has_news or is_expanded or is_other or self._is_wider(sent, config)):
            return None
        earlier = self._ledger.required(sent)
        return Plan(
            Kind.JOINED, room, config, sent, after, has_news, is_expanded, is_direct, is_read, earlier
        )

    def _is_wider(self, sent: Sent, config: RoomConfig) -> bool:
        """Whether state is asked for that was not asked for before."""
        key = (sent.config, id(config.state))
        covered = self._covered.get(key)
        if covered is None:
            earlier = self._ledger.required(sent)
            covered = self._covered[key] = earlier.union(config.state) == earlier
        return not covered
