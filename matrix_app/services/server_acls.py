"""Which servers the access control list of a room keeps out ("Server ACLs")."""

from __future__ import annotations

from matrix_app.protocol.errors import Forbidden
from matrix_app.protocol.server_acl import ServerAcl
from matrix_app.storage import current_entries, db, events
from matrix_app.storage.cache import ByteCache

# By the event that holds the list, and by whether it was redacted. Some lists have thousands of entries.
_lists: ByteCache[tuple[int, bool], ServerAcl] = ByteCache("server_acls", 4 << 20)
_EVERYBODY = ServerAcl.from_content(None)


def list_of(room_nid: int) -> ServerAcl:
    """The list that is in force in a room now."""
    row = current_entries.of_rooms("m.room.server_acl", [room_nid]).get(room_nid)
    if row is None:
        return _EVERYBODY
    key = (row.nid, row.redacted_by_nid is not None)
    found = _lists.get(key)
    if found is None:
        made = found = ServerAcl.from_content({} if key[1] else events.parse(row).content)
        size = 2000 + 3 * len(row.json)
        db.on_commit(lambda: _lists.put(key, made, size))
    return found


def refuse_denied(room_nid: int, server_name: str) -> None:
    """Raise `Forbidden` for a server that the room keeps out."""
    if not list_of(room_nid).allows(server_name):
        raise Forbidden(f"The server {server_name} is banned from this room")
