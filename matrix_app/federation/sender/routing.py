"""Which servers a change is for: the changes of the stream, sorted by destination."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from matrix_app.federation.sender.arrivals import Arrival, arrivals
from matrix_app.federation.sender.queue import Edu
from matrix_app.protocol.ids import domain_of
from matrix_app.services.effects.state_changes import membership_in
from matrix_app.storage import events, interning, outbound, outbound_devices, outbound_edus, presence, rooms
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import Membership
from matrix_app.storage.outbound import MemberDelta, Owed, OwedEvent
from matrix_app.storage.presence import PresenceRow, content_of
from matrix_app.storage.receipts import ReceiptRow
from matrix_app.storage.stream import Kind, LogEntry

# A server that comes into a room has to read who is in it first: it passes over whom it does not know.
INTRODUCED_AFTER_SECONDS: Final = 1.0
# More joins within that time than these are passed over, the oldest first.
MOST_ARRIVALS: Final = 10_000


@dataclass
class Routed:
    """What servers are to get, by their nid."""

    owed: dict[int, list[Owed]] = field(default_factory=lambda: defaultdict(list))
    passing: dict[int, list[Edu]] = field(default_factory=lambda: defaultdict(list))
    with_messages: set[int] = field(default_factory=set)

    def followed_by(self, other: Routed) -> Routed:
        """This, and what came of later changes."""
        for server_nid, owed in other.owed.items():
            self.owed[server_nid] += owed
        for server_nid, edus in other.passing.items():
            self.passing[server_nid] += edus
        self.with_messages |= other.with_messages
        return self

    def servers(self) -> set[int]:
        """Everybody who gets something."""
        return {*self.owed, *self.passing, *self.with_messages}


class Router:
    """Sorts changes. It remembers who was said to be typing, and who has just come into a room."""

    def __init__(self) -> None:
        self._local = interning.server_nid(local_server_name())
        self._typing: dict[int, set[int]] = {}
        # With the time of each.
        self._arrived: deque[tuple[float, Arrival]] = deque(maxlen=MOST_ARRIVALS)

    def route(self, entries: list[LogEntry]) -> Routed:
        """Find the destinations of changes that follow one another in the log."""
        after, upto = entries[0].position - 1, entries[-1].position
        found: dict[int, tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
        for entry in entries:
            room_nids, user_nids = found[entry.kind]
            if entry.user_nid is not None:
                user_nids.add(entry.user_nid)
            elif entry.room_nid is not None:
                room_nids.add(entry.room_nid)
        routed = Routed()
        if event_rooms := found[Kind.EVENT][0] | found[Kind.STATE][0]:
            self._route_events(routed, event_rooms, after, upto)
        if receipt_rooms := found[Kind.RECEIPT][0]:
            self._route_receipts(routed, outbound_edus.local_receipts(receipt_rooms, after, upto))
        if typing_rooms := found[Kind.TYPING][0]:
            self._route_typing(routed, typing_rooms)
        if present := found[Kind.PRESENCE][1]:
            self._route_presence(routed, outbound.local_among(present))
        now = time.monotonic()
        self._arrived += [(now, arrival) for arrival in arrivals(entries, self._local)]
        if users := found[Kind.DEVICE_LIST][1]:
            self._route_devices(routed, outbound.local_among(users), after, upto)
        if movers := found[Kind.MEMBERSHIP][1]:
            self._route_lists(routed, movers, after, upto)
        if Kind.REMOTE_TO_DEVICE in found:
            routed.with_messages = outbound_edus.servers_with_messages(after, upto)
        for items in routed.owed.values():
            items.sort(key=lambda item: item.position)
        return routed

    def still_typing(self) -> Routed:
        """What says again who types: "typing" runs out on other servers unless it is repeated."""
        routed = Routed()
        if self._typing:
            now = outbound_edus.local_typists(self._typing)
            typing = {room: users & now.get(room, set()) for room, users in self._typing.items()}
            self._announce_typing(routed, typing, True)
        return routed

    @property
    def is_to_introduce(self) -> bool:
        """Whether there is something to tell of those who came into rooms some time ago."""
        return bool(self._arrived) and self._arrived[0][0] + INTRODUCED_AFTER_SECONDS <= time.monotonic()

    def introductions(self) -> Routed:
        """The presence of those who came into rooms some time ago, as it is now."""
        routed = Routed()
        while self.is_to_introduce:
            _, arrival = self._arrived.popleft()
            if push := [_presence(row) for row in arrival.rows()]:
                key = ("m.presence", "room", arrival.room_nid, arrival.user_nid or 0)
                routed.passing[arrival.server_nid].append(Edu(key, "m.presence", {"push": push}))
        return routed

    def _route_events(self, routed: Routed, room_nids: set[int], after: int, upto: int) -> None:
        by_room: dict[int, list[OwedEvent]] = defaultdict(list)
        for event in outbound.owed_events(room_nids, after, upto):
            by_room[event.room_nid].append(event)
        counts = outbound.joined_servers(by_room)
        for room_nid, in_room in by_room.items():
            is_shared = self._is_shared(counts.get(room_nid, {}))
            if not is_shared and not any(event.type == "m.room.member" for event in in_room):
                continue
            joined, deltas = outbound.servers_and_deltas(room_nid, in_room[0].position)
            for event in reversed(in_room):
                servers = _servers_before(event, joined, deltas)
                # An event by which this server came in was brought to the others by one that let it in.
                if self._local in servers:
                    for server_nid in servers - {self._local, event.origin_nid}:
                        routed.owed[server_nid].append(event)

    def _is_shared(self, joined: dict[int, int]) -> bool:
        return any(count > 0 and server != self._local for server, count in joined.items())

    def _others_in(self, room_nids: Iterable[int]) -> dict[int, list[int]]:
        counts = outbound.joined_servers(room_nids)
        return {
            room: [server for server, count in joined.items() if count > 0 and server != self._local]
            for room, joined in counts.items()
        }

    def _route_receipts(self, routed: Routed, receipts: list[ReceiptRow]) -> None:
        servers = self._others_in({row.room_nid for row in receipts}) if receipts else {}
        for row in receipts:
            for server_nid in servers.get(row.room_nid, ()):
                key = ("m.receipt", row.room_nid, row.user_nid, row.thread_id)
                routed.passing[server_nid].append(Edu(key, "m.receipt", _receipt(row)))

    def _route_typing(self, routed: Routed, room_nids: set[int]) -> None:
        now = outbound_edus.local_typists(room_nids)
        for room_nid in room_nids:
            before, typists = self._typing.get(room_nid, set()), now.get(room_nid, set())
            self._announce_typing(routed, {room_nid: before - typists}, False)
            self._announce_typing(routed, {room_nid: typists - before}, True)
            self._typing[room_nid] = typists
            if not typists:
                del self._typing[room_nid]

    def _announce_typing(self, routed: Routed, users: dict[int, set[int]], typing: bool) -> None:
        users = {room: typists for room, typists in users.items() if typists}
        servers = self._others_in(users) if users else {}
        room_ids = rooms.room_ids(users)
        for room_nid, typists in users.items():
            for user_nid, user_id in interning.user_ids(typists).items():
                content = {"room_id": room_ids[room_nid], "user_id": user_id, "typing": typing}
                for server_nid in servers.get(room_nid, ()):
                    edu = Edu(("m.typing", room_nid, user_nid), "m.typing", content)
                    routed.passing[server_nid].append(edu)

    def _route_presence(self, routed: Routed, user_nids: set[int]) -> None:
        found = presence.get_many(user_nids) if user_nids else {}
        seeing = outbound.servers_seeing(found) if found else {}
        for user_nid, row in found.items():
            edu = Edu(("m.presence", user_nid), "m.presence", {"push": [_presence(row)]})
            for server_nid in seeing.get(user_nid, ()):
                if server_nid != self._local:
                    routed.passing[server_nid].append(edu)

    def _route_devices(self, routed: Routed, user_nids: set[int], after: int, upto: int) -> None:
        seeing = outbound.servers_seeing(user_nids) if user_nids else {}
        for change in outbound_devices.changes(seeing, after, upto):
            for server_nid in seeing[change.user_nid]:
                if server_nid != self._local:
                    routed.owed[server_nid].append(change)

    def _route_lists(self, routed: Routed, user_nids: set[int], after: int, upto: int) -> None:
        # "[...] when that user joins a room which contains servers which are not already receiving updates".
        for server_nid, owed in outbound_devices.newly_seen(user_nids, after, upto):
            if server_nid != self._local:
                routed.owed[server_nid].append(owed)


def _servers_before(event: OwedEvent, joined: dict[int, int], deltas: list[MemberDelta]) -> set[int]:
    """The servers in the room just before the event, and that of a user whom it removes.

    `joined` and `deltas` stand at the event after this one, or at the end, and are moved here.
    """
    extra: set[int] = set()
    while deltas and deltas[0].position >= event.position:
        delta = deltas.pop(0)
        before, after = _membership_of(delta.previous_event_nid), _membership_of(delta.event_nid)
        server_nid = interning.server_nid(domain_of(delta.user_id))
        joined[server_nid] = (
            joined.get(server_nid, 0) + (before == Membership.JOIN) - (after == Membership.JOIN)
        )
        if delta.position == event.position and after in (Membership.LEAVE, Membership.BAN):
            # Whoever was invited or has knocked is told, though nobody of the server is in the room.
            extra = {server_nid} if delta.previous_event_nid is not None else set()
    return {server_nid for server_nid, count in joined.items() if count > 0} | extra


def _membership_of(event_nid: int | None) -> Membership:
    if event_nid is None:
        return Membership.LEAVE
    return membership_in(events.events_by_nid([event_nid])[event_nid])


def _receipt(row: ReceiptRow) -> dict[str, Any]:
    data: dict[str, Any] = {"ts": row.ts}
    if row.thread_id:
        data["thread_id"] = row.thread_id
    room_id = rooms.by_nid(row.room_nid).room_id
    user_id = interning.user_id_of(row.user_nid)
    return {room_id: {"m.read": {user_id: {"data": data, "event_ids": [row.event_id]}}}}


def _presence(row: PresenceRow) -> dict[str, Any]:
    content = content_of(row, now_ms())
    # "last_active_ago" is required of servers.
    return {"last_active_ago": 0, **content, "user_id": interning.user_id_of(row.user_nid)}
