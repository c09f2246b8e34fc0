"""Which rooms a request asks about: those in the windows of its lists, and those it subscribes to."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from matrix_app.storage import rooms
from matrix_app.storage.listed_rooms import ListedRoom
from matrix_app.storage.members import Membership
from matrix_app.sync import memo
from matrix_app.sync.sliding.body import Body, RoomList
from matrix_app.sync.sliding.list_filters import passing
from matrix_app.sync.sliding.required_state import RoomConfig, config_of
from matrix_app.sync.sliding.room_list import Rooms, activity


@dataclass(slots=True)
class Matched:
    """The rooms that a request asks about, by nid."""

    configs: dict[int, RoomConfig] = field(default_factory=dict)
    # Which rooms are in the window of which list, and how many belong to it altogether.
    lists: dict[str, list[int]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    # Those that the client subscribes to.
    subscribed: dict[str, int] = field(default_factory=dict)

    def only(self, nids: Set[int]) -> Matched:
        """Some of the rooms."""
        return Matched(
            {nid: self.configs[nid] for nid in nids if nid in self.configs},
            {name: [nid for nid in found if nid in nids] for name, found in self.lists.items()},
            self.counts,
            {room_id: nid for room_id, nid in self.subscribed.items() if nid in nids},
        )


def match(body: Body, user_id: str, user_nid: int, every: Rooms) -> Matched:
    """Find the rooms of a request among all that the user may be shown."""
    found = Matched()
    shown = _without_unwanted_invites(user_nid, every)
    ordered = sorted(shown.values(), key=activity, reverse=True)
    for name, wanted in body.lists.items():
        members = passing(wanted.filters, user_nid, ordered, every)
        found.counts[name] = len(members)
        found.lists[name] = [room.room_nid for room in _in_windows(wanted, members)]
        _add(found, found.lists[name], config_of(wanted, user_id))
    if body.room_subscriptions:
        known = rooms.find_many(body.room_subscriptions)
        for room_id, room in known.items():
            if room.nid in shown:
                found.subscribed[room_id] = room.nid
                _add(found, [room.nid], config_of(body.room_subscriptions[room_id], user_id))
    return found


def _without_unwanted_invites(user_nid: int, every: Rooms) -> Mapping[int, ListedRoom]:
    if not (memo.ignored_users(user_nid) or memo.blocks_invites(user_nid)):
        return every
    return {
        nid: room
        for nid, room in every.items()
        if room.membership != Membership.INVITE or memo.shows_invite(user_nid, room.sender_nid)
    }


def _in_windows(wanted: RoomList, members: list[ListedRoom]) -> list[ListedRoom]:
    windows = wanted.windows
    if windows is None:
        return members
    if len(windows) == 1:
        return members[windows[0][0] : windows[0][1] + 1]
    picked = sorted({index for begin, end in windows for index in range(begin, min(end + 1, len(members)))})
    return [members[index] for index in picked]


def _add(found: Matched, nids: list[int], config: RoomConfig) -> None:
    configs = found.configs
    if not configs:
        found.configs = dict.fromkeys(nids, config)
        return
    unions: dict[RoomConfig, RoomConfig] = {}
    for nid in nids:
        before = configs.get(nid)
        if before is None:
            configs[nid] = config
        elif before is not config:
            if before not in unions:
                unions[before] = before.union(config)
            configs[nid] = unions[before]
