"""What becomes of the device lists of remote users when rooms are no longer shared with them.

From then on their servers tell nothing more of their devices, so what is kept of them must go at once: it
would pass for current when they come back.
"""

from __future__ import annotations

from collections.abc import Sequence

from matrix_app.storage import remote_devices
from matrix_app.storage.rooms import RoomIdentity


def remote_left(user_nids: Sequence[int]) -> None:
    """Remote users have left a room, which is stored."""
    _drop(user_nids)


def nobody_left(room: RoomIdentity) -> None:
    """The last user of this server has left a room, which is stored."""
    _drop(remote_devices.listed_in(room.nid))


def _drop(user_nids: Sequence[int]) -> None:
    gone = remote_devices.no_longer_shared(user_nids) if user_nids else []
    if gone:
        remote_devices.drop(gone)
