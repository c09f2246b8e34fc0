"""The server's own user: sends the test message of the diagnostics and tells administrators of alerts."""

from __future__ import annotations

from typing import Final

import orjson

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import NotFound, UserInUse
from matrix_app.services import account_data
from matrix_app.services.audit import HEARTH
from matrix_app.services.create_account import create_account, local_user_id
from matrix_app.services.create_room import NewRoom, create_room
from matrix_app.services.create_session import Session, create_session
from matrix_app.services.notice_rooms import MARK, ROOM
from matrix_app.services.purge_history import purge_before_time
from matrix_app.storage import accounts, members, rooms
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.members import Membership

NAMES: Final = ("hearth", "hearth-server", "hearth-server-2", "hearth-server-3")
# How long messages of checks are kept.
KEPT_MS: Final = 7 * 24 * 3_600_000


def system_account() -> Account:
    """The account, made when it is first needed; a name that somebody has already is left to them."""
    for name in NAMES:
        found = accounts.find(local_user_id(name))
        if found is None:
            try:
                return create_account(name, appservice_id=MARK, display_name="Hearth")
            except UserInUse:  # by another process, a moment ago
                found = accounts.find(local_user_id(name))
        if found is not None and _is_own(found):
            return found
    raise NotFound("Every name for the server's own user is taken")


def found_system_account() -> Account | None:
    """The account where it has been made already: for those who only look."""
    found = [accounts.find(local_user_id(name)) for name in NAMES]
    return next((one for one in found if one is not None and _is_own(one)), None)


def _is_own(account: Account) -> bool:
    return account.appservice_id == MARK and account.deactivated_ts is None


def system_requester() -> Requester:
    """The server's own user, for services."""
    account = system_account()
    return Requester(
        user_id=account.user_id,
        user_nid=account.user_nid,
        device_id=None,
        device_nid=None,
        token_nid=None,
        has_no_rate_limits=True,
    )


def system_session(device_id: str) -> Session:
    """A new access token of the server's own user; the one that the device had before ends."""
    account = system_account()
    return create_session(account.user_id, account.user_nid, device_id=device_id, display_name="Checks")


def system_room(key: str, wanted: NewRoom) -> str:
    """The room of the server's own user that is kept under a key, made when there is none."""
    requester = system_requester()
    try:
        kept = account_data.get_global(requester.user_nid, ROOM + key)
    except NotFound:
        kept = {}
    content = orjson.loads(kept) if isinstance(kept, bytes) else kept
    room_id = content.get("room_id")
    if isinstance(room_id, str) and _is_in(requester.user_nid, room_id):
        return room_id
    # Programs write into it, which have no keys.
    room_id = create_room(requester, wanted, plain=True)
    account_data.set_global(requester.user_nid, ROOM + key, {"room_id": room_id})
    return room_id


def _is_in(user_nid: int, room_id: str) -> bool:
    room = rooms.find(room_id)
    row = None if room is None else members.get(room.nid, user_nid)
    return row is not None and row.membership == Membership.JOIN


def room_for_tests() -> str:
    """The private room in which checks send their messages, which no other server can join."""
    wanted = NewRoom(preset="private_chat", name="Test messages", creation_content={"m.federate": False})
    return system_room("checks", wanted)


def tidy_room_for_tests() -> None:
    """Remove messages of checks that are older than a week, once there is somebody for whom checks are run.

    A server that is not set up has no user yet, not even its own: its name may still be another.
    """
    if not accounts.any_admin():
        return
    purge_before_time(HEARTH, room_for_tests(), now_ms() - KEPT_MS, local_too=True)
