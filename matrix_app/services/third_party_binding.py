"""What an identity server tells once an address belongs to a user ("Third-party invites")."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import structlog

from matrix_app.protocol.errors import MatrixError
from matrix_app.protocol.ids import domain_of
from matrix_app.services import remote_membership
from matrix_app.services.known_rooms import find_here
from matrix_app.services.third_party_invites import exchange
from matrix_app.storage import accounts
from matrix_app.storage.local_server import local_server_name

MOST_INVITES: Final = 50

_log = structlog.get_logger("matrix_app.third_party_invites")


class PendingInvite(msgspec.Struct):
    """An invite that the identity server has kept."""

    room_id: str
    sender: str
    mxid: str
    signed: dict[str, Any]


class Binding(msgspec.Struct):
    """The user that an address belongs to now, and the invites which have waited for that."""

    mxid: str
    invites: list[PendingInvite] = msgspec.field(default_factory=list)


def on_bind(binding: Binding) -> None:
    """Invite the user to every room that has an invite for the address.

    Anybody may tell this: each invite has to prove itself by the key that its room names. One that does
    not keeps the others from nothing; the last such error is raised in the end. As each is a request to a
    server that the invite names, there are none for who has no account, and only so many at once.
    """
    if accounts.find(binding.mxid) is None:
        return
    refused: MatrixError | None = None
    for invite in binding.invites[:MOST_INVITES]:
        if invite.mxid != binding.mxid or domain_of(invite.mxid) != local_server_name():
            continue
        try:
            _invite(invite)
        except MatrixError as error:
            _log.warning("third-party invite refused", room_id=invite.room_id, reason=error.message)
            refused = error
    if refused is not None:
        raise refused


def _invite(invite: PendingInvite) -> None:
    room = find_here(invite.room_id)
    if room is not None:
        exchange(room, invite.mxid, invite.signed, sender=invite.sender)
        return
    remote_membership.exchange_third_party_invite(invite.room_id, invite.sender, invite.mxid, invite.signed)
