"""What a server lacks that was left behind: the latest event of each room, and what devices changed."""

from __future__ import annotations

from matrix_app.storage import outbound, outbound_devices
from matrix_app.storage.outbound import Owed, OwedEvent


def lacking(server_nid: int, sent: int, upto: int) -> list[Owed]:
    """What the server is to get of what happened after `sent`, in order. It fills the gaps by itself."""
    found: list[Owed] = list(outbound_devices.changes_seen_by(server_nid, sent, upto))
    found += outbound_devices.entered(server_nid, sent, upto)
    for room_nid, is_in in outbound.rooms_moved(server_nid, sent):
        event = _latest_event(room_nid, server_nid, is_in, sent, upto)
        if event is not None:
            found.append(event)
    return sorted(found, key=lambda item: item.position)


def _latest_event(room_nid: int, server_nid: int, is_in: bool, sent: int, upto: int) -> OwedEvent | None:
    if is_in:
        # What happened before the server came is for it to ask for, where the room's history allows it.
        since = max(sent, outbound.joined_since(room_nid, server_nid))
        return outbound.latest_owed(room_nid, server_nid, since, upto)
    left = outbound.left_at(room_nid, server_nid)
    return outbound.latest_owed(room_nid, server_nid, sent, min(left, upto)) if left > sent else None
