"""Server notices: what administrators tell a user, or everybody, in a room with the server's own user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import structlog

from appliance.config import get_config
from matrix_app.protocol.errors import InvalidParam, MatrixError
from matrix_app.protocol.said import said, said_of
from matrix_app.services import audit, tags
from matrix_app.services.administer_account import active_account
from matrix_app.services.audit import Actor
from matrix_app.services.create_room import NewRoom
from matrix_app.services.long_tasks import LongTask, long_task, start
from matrix_app.services.membership import invite
from matrix_app.services.notice_rooms import TAG, key_of
from matrix_app.services.send_event import send_message, send_state
from matrix_app.services.system_user import system_requester, system_room
from matrix_app.storage import accounts, db, members, rooms
from matrix_app.storage.accounts import Account
from matrix_app.storage.members import Membership

SEND_ALL: Final = "notices.send_all"
SEND_SOME: Final = "notices.send_some"
LONGEST: Final = 20_000
_AT_A_TIME: Final = 20

_log = structlog.get_logger("matrix_app.notices")


def text_notice(text: str) -> dict[str, Any]:
    """The content of a notice; raises `InvalidParam` for one that says nothing or is too long."""
    text = text.strip().replace("\0", "")
    if not text or len(text) > LONGEST:
        raise InvalidParam(said("A notice has 1 to {count} characters", count=LONGEST))
    return {"msgtype": "m.text", "body": text}


def send_notice(
    actor: Actor,
    user_id: str,
    content: dict[str, Any],
    *,
    event_type: str = "m.room.message",
    state_key: str | None = None,
    txn_id: str | None = None,
) -> str:
    """Send a notice to a user of this server, who is invited to the room if need be; the event's ID.

    Raises `InvalidParam`, `NotFound` or `Conflict` for who cannot be told, `InviteBlocked` where they take
    no invites.
    """
    account = active_account(user_id)
    if not _gets_notices(account):
        raise InvalidParam("Guests and users of bridges get no notices")
    room_id, sender = _ready_room(account), system_requester()
    if state_key is None:
        event_id = send_message(sender, room_id, event_type, content, txn_id=txn_id)
    else:
        event_id = send_state(sender, room_id, event_type, state_key, content)
    audit.record(actor, "notice.send", user_id, event_id=event_id)
    return event_id


def _ready_room(account: Account) -> str:
    """The room of a user's notices, with its tag, and with the user in it or invited."""
    config = get_config().notices
    wanted = NewRoom(
        preset="private_chat",
        name=config.room_name or None,
        topic=config.room_topic or None,
        creation_content={"m.federate": False},
        # Nobody reads answers.
        power_level_content_override={"users_default": -10},
    )
    room_id = system_room(key_of(account.user_nid), wanted)
    tags.put_tag(account.user_nid, room_id, TAG, {})
    room = rooms.find(room_id)
    row = None if room is None else members.get(room.nid, account.user_nid)
    if row is None or row.membership not in (Membership.JOIN, Membership.INVITE):
        invite(system_requester(), room_id, account.user_id)
    return room_id


def send_to_everybody(actor: Actor, text: str) -> int:
    """Send a notice to all users but guests and those of bridges; the nid of the long task."""
    text_notice(text)
    with db.write():
        audit.record(actor, "notice.send_all", "", text=text[:200])
        return start(SEND_ALL, said("Send a notice to everybody"), {"text": text}, actor)


def send_to_some(actor: Actor, user_nids: Sequence[int], text: str) -> int:
    """Send a notice to some users; the nid of the long task. Raises `InvalidParam`."""
    text_notice(text)
    with db.write():
        audit.record(actor, "notice.send_some", "", users=len(user_nids), text=text[:200])
        title = said("Send a notice to {count} users", count=len(user_nids))
        return start(SEND_SOME, title, {"text": text, "user_nids": list(user_nids)}, actor)


def _send_text(account: Account, text: str, txn_id: str) -> None:
    room_id = _ready_room(account)
    send_message(system_requester(), room_id, "m.room.message", text_notice(text), txn_id=txn_id)


@long_task(SEND_ALL)
def send_some(task: LongTask) -> bool:
    """Send the notice to some more users; True when everybody has it. Who has it already gets it once."""
    place = task.checkpoint
    task.total = task.total or accounts.count_people()
    found = accounts.people_after(place.get("after", 0), _AT_A_TIME)
    _send_each(task, found)
    if found:
        place["after"] = found[-1].user_nid
    return len(found) < _AT_A_TIME


@long_task(SEND_SOME)
def send_some_more(task: LongTask) -> bool:
    """Send the notice to the next of the chosen users; True when everybody has it."""
    nids, place = task.params["user_nids"], task.checkpoint
    task.total, begun = len(nids), place.get("after", 0)
    found = [accounts.get(nid) for nid in nids[begun : begun + _AT_A_TIME]]
    _send_each(task, [account for account in found if account is not None and _gets_notices(account)])
    place["after"] = task.done = min(begun + _AT_A_TIME, len(nids))
    return task.done >= task.total


def _gets_notices(account: Account) -> bool:
    return account.deactivated_ts is None and account.appservice_id is None and not account.is_guest


def _send_each(task: LongTask, found: Sequence[Account]) -> None:
    counts = task.checkpoint.setdefault("counts", {"sent": 0, "refused": 0})
    for account in found:
        task.step = account.user_id
        try:
            _send_text(account, task.params["text"], f"all.{task.nid}")
            counts["sent"] += 1
        except MatrixError as error:
            _log.info("a notice could not be sent", user_id=account.user_id, reason=error.message)
            task.warn(said("{who}: {why}", who=account.user_id, why=said_of(error.message)))
            counts["refused"] += 1
        task.done += 1
    task.result = counts
