"""Which of a user's rooms belong to a list (`SlidingRoomFilter` of MSC4186)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from matrix_app.storage import rooms
from matrix_app.storage.listed_rooms import ListedRoom
from matrix_app.storage.members import Membership
from matrix_app.sync import memo
from matrix_app.sync.sliding.body import ListFilters
from matrix_app.sync.sliding.room_list import Rooms

Test = Callable[[ListedRoom], bool]


def passing(
    filters: ListFilters | None, user_nid: int, ordered: list[ListedRoom], every: Rooms
) -> list[ListedRoom]:
    """Those of the rooms which all of the filters let through, in their order."""
    if filters is None:
        return ordered
    for test in (*_by_facts(filters), *_by_account_data(filters, user_nid), *_by_spaces(filters, every)):
        ordered = [room for room in ordered if test(room)]
    return ordered


def _by_facts(filters: ListFilters) -> Iterable[Test]:
    invited = filters.is_invite if filters.is_invited is None else filters.is_invited
    if invited is not None:
        yield lambda room: (room.membership == Membership.INVITE) is invited
    encrypted = filters.is_encrypted
    if encrypted is not None:
        yield lambda room: (room.encryption is not None) is encrypted
    types, not_types = filters.room_types, filters.not_room_types
    # Clients that know but one form send an empty list for nothing asked.
    if types:
        yield lambda room: room.room_type in types
    if not_types:
        yield lambda room: room.room_type not in not_types
    if filters.room_name_like:
        part = filters.room_name_like.casefold()
        yield lambda room: part in (room.name or "").casefold()


def _by_account_data(filters: ListFilters, user_nid: int) -> Iterable[Test]:
    is_dm = filters.is_dm
    if is_dm is not None:
        direct = direct_nids(user_nid)
        yield lambda room: (room.room_nid in direct) is is_dm
    if not (filters.tags or filters.not_tags):
        return
    tagged = memo.tagged_rooms(user_nid)
    if filters.tags:
        wanted = frozenset(filters.tags)
        yield lambda room: not wanted.isdisjoint(tagged.get(room.room_nid, ()))
    if filters.not_tags:
        unwanted = frozenset(filters.not_tags)
        yield lambda room: unwanted.isdisjoint(tagged.get(room.room_nid, ()))


def direct_nids(user_nid: int) -> frozenset[int]:
    """The nids of a user's direct chats, as far as this server knows the rooms."""
    named = memo.direct_rooms(user_nid)
    return frozenset(room.nid for room in rooms.find_many(named).values()) if named else frozenset()


def _by_spaces(filters: ListFilters, every: Rooms) -> Iterable[Test]:
    if filters.spaces is None:
        return
    children: set[str] = set()
    for space in rooms.find_many(filters.spaces).values():
        joined = every.get(space.nid)
        if joined is not None and joined.membership == Membership.JOIN:
            children |= memo.space_children(space.nid)
    nids = frozenset(room.nid for room in rooms.find_many(children).values()) if children else frozenset()
    yield lambda room: room.room_nid in nids
