"""Which member events a device has been sent already, under lazy loading.

Kept in memory only: what is forgotten is sent again, which clients allow for.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

MOST_ROOMS = 20_000
MOST_MEMBERS = 200

# (device, room) -> member event nids
_sent: OrderedDict[tuple[int, int], set[int]] = OrderedDict()
_lock = threading.Lock()


def not_sent(device_nid: int | None, room_nid: int, event_nids: Iterable[int]) -> list[int]:
    """Those of the member events which the device may not have; they count as sent from now on."""
    if device_nid is None:
        return list(event_nids)
    with _lock:
        known = _sent.setdefault((device_nid, room_nid), set())
        _sent.move_to_end((device_nid, room_nid))
        fresh = [nid for nid in event_nids if nid not in known]
        if len(known) + len(fresh) > MOST_MEMBERS:
            known.clear()
        known.update(fresh)
        while len(_sent) > MOST_ROOMS:
            _sent.popitem(last=False)
    return fresh


def forget_room(device_nid: int | None, room_nid: int) -> None:
    """Begin anew with a room: the device begins anew too."""
    with _lock:
        _sent.pop((device_nid or 0, room_nid), None)
