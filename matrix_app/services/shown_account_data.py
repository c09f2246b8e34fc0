"""The account data of a user as administrators see it: without the secrets that clients keep there."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from matrix_app.storage import account_data, rooms

# Sealed with a key that only the user has; they are nobody else's to read or to carry away.
SECRET: Final = ("m.secret_storage.", "m.cross_signing.", "m.megolm_backup.", "m.org.matrix.custom.backup")


class AccountData(NamedTuple):
    """What clients keep for the whole account and for single rooms, by type and by room ID."""

    everywhere: dict[str, Any]
    rooms: dict[str, dict[str, Any]]


def without_secrets(user_nid: int) -> AccountData:
    """All of a user's account data that is no secret."""
    found = account_data.changed(user_nid, 0, 1 << 62)
    names = rooms.room_ids({row.room_nid for row in found} - {account_data.GLOBAL})
    shown = AccountData({}, {})
    for row in found:
        if not row.type.startswith(SECRET):
            is_global = row.room_nid == account_data.GLOBAL
            place = shown.everywhere if is_global else shown.rooms.setdefault(names[row.room_nid], {})
            place[row.type] = orjson.loads(row.content)
    return shown
