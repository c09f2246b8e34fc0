"""Whether anything has changed that a sliding sync may tell of; costs no query."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from matrix_app.http.requester import Requester
from matrix_app.storage.stream import Kind
from matrix_app.sync.hub import hub
from matrix_app.sync.sliding.body import Body

_OF_ROOMS: Final = frozenset({Kind.EVENT, Kind.STATE, Kind.RECEIPT})
_OF_DEVICES: Final = frozenset({Kind.STATE, Kind.DEVICE_LIST})


def is_idle(requester: Requester, body: Body, room_nids: Collection[int], since: int) -> bool:
    """Whether nothing that the request asks about has changed after `since`."""
    known = hub()
    if (
        not known.knows(since)
        or known.user_kinds(requester.user_nid, since)
        or known.device_kinds(requester.device_nid, since)
    ):
        return False
    if not known.any_room_changed(room_nids, since):
        return True
    wanted = _interests(body)
    return all(wanted.isdisjoint(kinds) for kinds in known.room_kinds(room_nids, since).values())


def _interests(body: Body) -> frozenset[int]:
    """The kinds of change in rooms that an answer may tell of."""
    extensions = body.extensions
    kinds: set[int] = set()
    if body.lists or body.room_subscriptions:
        kinds |= _OF_ROOMS
    if extensions.typing is not None and extensions.typing.enabled:
        kinds.add(Kind.TYPING)
    if extensions.e2ee is not None and extensions.e2ee.enabled:
        kinds |= _OF_DEVICES
    return frozenset(kinds)
