"""Finding notes of changed devices and keys that nobody needs any more.

Of each device, and of each user's cross-signing keys, the latest change stays, so that every sync token older
than it still leads to it. Of devices that are gone only the user's last change of any device stays, because
other servers' chains go on from there; of remote users nothing, once no room is shared with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from matrix_app.storage import db

_LATER_LIST: Final = (
    "EXISTS (SELECT 1 FROM device_list_change n WHERE n.user_nid = c.user_nid AND n.position > c.position"
    " AND {condition})"
)
_SAME_DEVICE: Final = "(n.device_id = c.device_id OR (n.device_id IS NULL AND c.device_id IS NULL))"
_VOID_LIST: Final = (
    f"{_LATER_LIST.format(condition=_SAME_DEVICE)}"
    " OR (c.device_id IS NOT NULL AND NOT EXISTS"
    "  (SELECT 1 FROM device d WHERE d.user_nid = c.user_nid AND d.device_id = c.device_id)"
    f" AND {_LATER_LIST.format(condition='n.device_id IS NOT NULL')})"
    " OR NOT EXISTS (SELECT 1 FROM matrix_user u WHERE u.nid = c.user_nid AND (u.is_local OR EXISTS"
    "  (SELECT 1 FROM membership m JOIN room_summary s ON s.room_nid = m.room_nid"
    "   WHERE m.user_nid = u.nid AND m.membership = 2 AND s.local_joined_members > 0)))"
)
_VOID_SIGNATURE: Final = (
    "EXISTS (SELECT 1 FROM key_signature_change n WHERE n.signer_nid = c.signer_nid"
    " AND n.target_nid = c.target_nid AND n.position > c.position)"
)
_VOID: Final = {"device_list_change": _VOID_LIST, "key_signature_change": _VOID_SIGNATURE}
TABLES: Final = tuple(_VOID)


def page(table: str, after: int, before: int, limit: int) -> tuple[int, list[int]] | None:
    """Look at up to `limit` changes with after < position < before: the last of them, and all that are void.

    None when there are none left.
    """
    sql = (
        f"SELECT c.position, ({_VOID[table]}) FROM {table} c WHERE c.position > %s AND c.position < %s"
        " ORDER BY c.position LIMIT %s"
    )
    found = db.rows(sql, (after, before, limit))
    return (found[-1][0], [position for position, void in found if void]) if found else None


def delete(table: str, positions: Iterable[int]) -> None:
    """Remove changes."""
    if table not in _VOID:
        raise ValueError(table)
    db.execute(f"DELETE FROM {table} WHERE {db.in_any('position')}", (db.any_of(positions),))
