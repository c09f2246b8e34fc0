"""The end of an account ("Account deactivation")."""

from __future__ import annotations

import structlog

from appliance.config import get_config
from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import audit, second_factor
from matrix_app.services.account_export.requests import remove_all_of
from matrix_app.services.audit import Actor
from matrix_app.services.background import run_later
from matrix_app.services.delete_devices import delete_all_devices
from matrix_app.services.membership import leave
from matrix_app.services.threepids.identity_server import unbind_all
from matrix_app.storage import (
    accounts,
    db,
    interning,
    rooms,
    sessions,
    threepid_bindings,
    threepids,
    user_directory,
    web_sessions,
)
from matrix_app.storage.account_erasure import erase_user_data, remove_pushers
from matrix_app.storage.clock import now_ms
from matrix_app.storage.members import Membership, of_user
from matrix_app.storage.threepid_bindings import Binding

_log = structlog.get_logger("matrix_app.accounts")


def deactivate(
    user_id: str, user_nid: int, *, erase: bool, id_server: str | None = None, actor: Actor | None = None
) -> bool:
    """End an account for good: nobody can sign in to it, and its user leaves all rooms.

    `erase` removes what the user kept here, and has new members of rooms see the user's events redacted.
    False when an identity server still knows one of the user's addresses.
    """
    unbound = _unbind_addresses(user_id, user_nid, id_server)
    with db.write():
        delete_all_devices(user_nid, dehydrated=True)
        sessions.end_tokens_of_user(user_nid)
        web_sessions.end_of_user(user_nid)
        second_factor.remove_all(user_nid)
        threepids.delete_all(user_nid)
        user_directory.remove(user_nid)
        remove_pushers(user_nid)
        remove_all_of(user_nid)
        if erase:
            erase_user_data(user_nid)
            if get_config().media.erase_with_account:
                run_later("erase_media", user_nid)
        accounts.deactivate(user_nid, now_ms(), erase=erase)
        audit.record(actor or Actor(user_nid, "api"), "user.deactivate", user_id, erase=erase)
        run_later("leave_all_rooms", user_nid)
    return unbound


def _unbind_addresses(user_id: str, user_nid: int, id_server: str | None) -> bool:
    bindings = threepid_bindings.of_user(user_nid)
    if id_server is not None:
        bindings = [Binding(row.medium, row.address, id_server) for row in threepids.of_user(user_nid)]
    try:
        return unbind_all(user_id, user_nid, bindings)
    except MatrixError:
        # An identity server that fails must not keep somebody from leaving.
        return False


def leave_all_rooms(user_nid: int) -> None:
    """Let a deactivated user leave rooms and turn down invites: called by the worker."""
    account = accounts.get(user_nid)
    if account is None or account.deactivated_ts is None:
        return
    requester = Requester(
        user_id=interning.user_id_of(user_nid),
        user_nid=user_nid,
        device_id=None,
        device_nid=None,
        token_nid=None,
    )
    for row in of_user(user_nid, (Membership.JOIN, Membership.INVITE, Membership.KNOCK)):
        room_id = rooms.by_nid(row.room_nid).room_id
        try:
            leave(requester, room_id, forced=True)
        except MatrixError as error:
            # One room that cannot be left must not keep the user in the others.
            _log.warning("room_not_left", room_id=room_id, user_id=requester.user_id, error=error.message)


def leave_late_rooms() -> None:
    """Let deactivated users leave rooms that a worker which ended has left them in."""
    for user_nid in accounts.deactivated_in_rooms():
        leave_all_rooms(user_nid)
