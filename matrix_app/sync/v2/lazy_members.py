"""Which member events a device has already, under lazy loading.

Kept in memory only: what is forgotten is sent again, which clients allow for. An answer may be lost on its
way: a device has it once it asks for what comes after.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

MOST_ROOMS = 20_000
MOST_MEMBERS = 200

# (device, room) -> member event nids, and the position at which the answer ended that had them.
_sent: OrderedDict[tuple[int, int], dict[int, int]] = OrderedDict()
_lock = threading.Lock()


def not_sent(
    device_nid: int | None, room_nid: int, event_nids: Iterable[int], *, after: int, upto: int
) -> list[int]:
    """Those of the member events which the device may not have, for an answer that goes on from `after`.

    They count as sent by an answer up to `upto`.
    """
    if device_nid is None:
        return list(event_nids)
    with _lock:
        known = _sent.setdefault((device_nid, room_nid), {})
        _sent.move_to_end((device_nid, room_nid))
        fresh = [nid for nid in event_nids if nid not in known or known[nid] > after]
        if len(known) + len(fresh) > MOST_MEMBERS:
            known.clear()
        known.update(dict.fromkeys(fresh, upto))
        while len(_sent) > MOST_ROOMS:
            _sent.popitem(last=False)
    return fresh


def forget_room(device_nid: int | None, room_nid: int) -> None:
    """Begin anew with a room: the device begins anew too."""
    with _lock:
        _sent.pop((device_nid or 0, room_nid), None)
