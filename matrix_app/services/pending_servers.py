"""Which servers are known to be in a room that a local user has been invited to, or knocks on."""

from __future__ import annotations

import orjson

from matrix_app.protocol.errors import MatrixError
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.storage import interning, invite_state
from matrix_app.storage.members import MemberRow, Membership


def pending_servers(member: MemberRow) -> list[str]:
    """The server of who invited, then those whose users made what the room shows of itself; each once."""
    senders = [interning.user_id_of(member.sender_nid)] if member.membership == Membership.INVITE else []
    shown = invite_state.get_many(member.user_nid, [member.room_nid]).get(member.room_nid, b"[]")
    senders += [str(entry.get("sender")) for entry in orjson.loads(shown) if isinstance(entry, dict)]
    return list(dict.fromkeys(name for sender in senders if (name := _server_of(sender))))


def _server_of(user_id: str) -> str | None:
    try:
        return domain_of(parse_user_id(user_id))
    except MatrixError:
        return None  # what other servers show was not checked
