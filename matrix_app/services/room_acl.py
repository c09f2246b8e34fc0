"""Which servers may take part in a room ("Server Access Control Lists")."""

from __future__ import annotations

from matrix_app.protocol.server_acl import ServerAcl
from matrix_app.storage import events, interning, state
from matrix_app.storage.cache import ByteCache
from matrix_app.storage.rooms import RoomIdentity

# By the nid of the event that holds the list, which never changes.
_lists: ByteCache[int, ServerAcl] = ByteCache("server_acls", 2 << 20)

_EVERYBODY = ServerAcl.from_content(None)


def server_allowed(room: RoomIdentity, server_name: str) -> bool:
    """Whether the list of a room, if it has one, lets the server take part."""
    return acl_of(room).allows(server_name)


def acl_of(room: RoomIdentity) -> ServerAcl:
    """The present list of a room."""
    key = interning.find_key("m.room.server_acl", "")
    nid = state.current(room.nid, [key]).get(key) if key is not None else None
    if nid is None:
        return _EVERYBODY
    known = _lists.get(nid)
    if known is None:
        content = events.events_by_nid([nid])[nid].content
        known = ServerAcl.from_content(content)
        _lists.put(nid, known, 2000 + 10 * len(str(content)))
    return known
