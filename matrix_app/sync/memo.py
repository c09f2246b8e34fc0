"""Values that are kept as long as the stream shows no change of what they were read from."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from matrix_app.services import invite_permission
from matrix_app.services.space_children import children_named_in
from matrix_app.storage import device_messages, members, personal_rooms
from matrix_app.storage import ignored_users as ignored
from matrix_app.storage.stream import Kind
from matrix_app.sync.hub import Hub, hub

T = TypeVar("T")
MOST_KEPT = 20_000

# (name, scope) -> (position up to which it is true at least, value)
_kept: OrderedDict[tuple[str, int], tuple[int, Any]] = OrderedDict()
_lock = threading.Lock()


def _read(name: str, scope: int, changed: Callable[[Hub, int], bool], load: Callable[[], T]) -> T:
    """The kept value unless the stream has moved past it for this scope; else what `load` reads."""
    known = hub()
    entry = _kept.get((name, scope))
    if entry is not None and known.knows(entry[0]) and not changed(known, entry[0]):
        kept: T = entry[1]
        return kept
    position = known.position
    value = load()
    with _lock:
        _kept[(name, scope)] = (position, value)
        _kept.move_to_end((name, scope))
        if len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return value


def joined_rooms(user_nid: int) -> frozenset[int]:
    """The rooms that a local user is joined to."""
    return _read(
        "joined",
        user_nid,
        lambda known, position: Kind.MEMBERSHIP in known.user_kinds(user_nid, position),
        lambda: frozenset(members.joined_rooms(user_nid)),
    )


def one_time_keys(device_nid: int) -> tuple[dict[str, int], list[str]]:
    """A device's unclaimed one-time keys by algorithm, and the algorithms with an unused fallback key."""
    return _read(
        "keys",
        device_nid,
        lambda known, position: Kind.ONE_TIME_KEYS in known.device_kinds(device_nid, position),
        lambda: (device_messages.key_counts(device_nid), device_messages.unused_fallbacks(device_nid)),
    )


def oldest_message(device_nid: int) -> int | None:
    """The position of the oldest message that waits for a device."""
    return _read(
        "messages",
        device_nid,
        lambda known, position: Kind.TO_DEVICE in known.device_kinds(device_nid, position),
        lambda: device_messages.oldest(device_nid),
    )


def forget_messages(device_nid: int) -> None:
    """Messages of a device have been removed, which the stream does not show."""
    with _lock:
        _kept.pop(("messages", device_nid), None)


def ignored_users(user_nid: int) -> frozenset[int]:
    """The nids of the users whom a user ignores."""
    return _read(
        "ignored",
        user_nid,
        lambda known, position: Kind.ACCOUNT_DATA in known.user_kinds(user_nid, position),
        lambda: ignored.ignored_by(user_nid),
    )


def blocks_invites(user_nid: int) -> bool:
    """Whether a user is shown no invites."""
    return _read(
        "blocks",
        user_nid,
        lambda known, position: Kind.ACCOUNT_DATA in known.user_kinds(user_nid, position),
        lambda: invite_permission.blocks_invites(user_nid),
    )


def shows_invite(user_nid: int, sender_nid: int) -> bool:
    """Whether a user is shown an invite by somebody."""
    return not (blocks_invites(user_nid) or sender_nid in ignored_users(user_nid))


def direct_rooms(user_nid: int) -> frozenset[str]:
    """The IDs of the rooms that a user's `m.direct` names."""
    return _read(
        "direct",
        user_nid,
        lambda known, position: Kind.ACCOUNT_DATA in known.user_kinds(user_nid, position),
        lambda: personal_rooms.direct(user_nid),
    )


def tagged_rooms(user_nid: int) -> dict[int, frozenset[str]]:
    """The tags of a user's rooms, by room; rooms without a tag may be missing."""
    return _read(
        "tags",
        user_nid,
        lambda known, position: Kind.ROOM_ACCOUNT_DATA in known.user_kinds(user_nid, position),
        lambda: personal_rooms.tagged(user_nid),
    )


def space_children(room_nid: int) -> frozenset[str]:
    """The IDs of the rooms that a space names as its children."""
    return _read(
        "children",
        room_nid,
        lambda known, position: Kind.STATE in known.room_kinds([room_nid], position).get(room_nid, ()),
        lambda: children_named_in(room_nid),
    )


def clear() -> None:
    """Forget everything: for tests, which begin with another database."""
    with _lock:
        _kept.clear()
