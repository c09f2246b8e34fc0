"""Which events are activity by which clients sort rooms (`bump_stamp` of MSC4186)."""

from __future__ import annotations

from typing import Final

BUMPS: Final = frozenset(
    {
        "m.room.create",
        "m.room.message",
        "m.room.encrypted",
        "m.sticker",
        "m.call.invite",
        "m.poll.start",
        "org.matrix.msc3381.poll.start",
        "m.beacon_info",
    }
)
