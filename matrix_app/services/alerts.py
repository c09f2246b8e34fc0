"""Telling administrators: by mail, by a webhook, and by a message of the server's own user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson
import structlog

from appliance.config import get_config
from matrix_app.protocol.errors import BadGateway, InvalidParam, MatrixError
from matrix_app.protocol.said import said
from matrix_app.services import mail, outgoing_http
from matrix_app.services.create_room import NewRoom
from matrix_app.services.membership import invite
from matrix_app.services.send_event import send_message
from matrix_app.services.spoken import spoken_in
from matrix_app.services.system_user import system_requester, system_room
from matrix_app.storage import account_list, alert_channels, db, members, rooms
from matrix_app.storage.clock import now_ms
from matrix_app.storage.members import Membership

MOST_ADMINS: Final = 50

_log = structlog.get_logger("matrix_app.alerts")


class Alert(NamedTuple):
    """What is told: a kind for programs (alert, test, changes), a subject, a text, and data for programs.

    People are told in the language of `alerts.language`, programs in English.
    """

    kind: str
    subject: str
    text: str
    items: list[dict[str, Any]]


def channels() -> list[str]:
    """The ways of telling that are configured: mail, webhook, matrix."""
    alerts = get_config().alerts
    wanted = {
        "mail": bool(alerts.mail_to) and mail.is_configured(),
        "webhook": bool(alerts.webhook),
        "matrix": alerts.matrix and bool(_admins()),
    }
    return [name for name, is_wanted in wanted.items() if is_wanted]


def deliver(alert: Alert, by: list[str] | None = None) -> bool:
    """Tell by every channel, or some; whether any of them took it. How each fared is kept."""
    taken = False
    for channel in channels() if by is None else by:
        fault = _fault_of(channel, alert)
        with db.write():
            alert_channels.put(channel, now_ms(), fault)
        if fault:
            _log.warning("an alert could not be delivered", channel=channel, fault=fault)
        taken = taken or not fault
    return taken


def deliver_test() -> bool:
    """Have every channel deliver a test; whether any of them took it."""
    name = get_config().server.name
    text = said(
        "This shows that {name} can tell you when something stops working. There is nothing to do.", name=name
    )
    return deliver(Alert("test", said("A test of the alerts of {name}", name=name), text, []))


def _fault_of(channel: str, alert: Alert) -> str:
    import smtplib

    send: Callable[[Alert], None] = {"mail": _mail, "webhook": _post, "matrix": _message}[channel]
    try:
        send(alert)
    except MatrixError as fault:
        return fault.message or fault.errcode
    except (OSError, smtplib.SMTPException) as fault:
        return f"{type(fault).__name__}: {fault}"
    return ""


def _mail(alert: Alert) -> None:
    for address in get_config().alerts.mail_to:
        text = f"{_spoken(alert.text).rstrip()}\n"
        mail.send(address, _spoken(alert.subject), text, headers={"Auto-Submitted": "auto-generated"})


def _spoken(text: str) -> str:
    return spoken_in(get_config().alerts.language, text)


def _post(alert: Alert) -> None:
    content = {"server_name": get_config().server.name, "ts": now_ms(), **alert._asdict()}
    url = get_config().alerts.webhook
    if not url.startswith("https://"):
        raise InvalidParam("The webhook is no https address")
    answer = outgoing_http.ask("POST", url, headers={}, content=orjson.dumps(content))
    if not 200 <= answer.status < 300:
        raise BadGateway(said("The webhook answers {status}", status=answer.status))


def _message(alert: Alert) -> None:
    admins = _admins()
    if not admins:  # nor is there to be a room, whose creator would settle the server's name
        raise InvalidParam("There is no administrator to be told")
    wanted = NewRoom(
        preset="private_chat",
        name=_spoken(said("Alerts of {name}", name=get_config().server.name)),
        creation_content={"m.federate": False},
    )
    room_id = system_room("alerts", wanted)
    reached = [user_id for user_id, user_nid in admins if _is_reached(room_id, user_id, user_nid)]
    if not reached:
        raise InvalidParam("No administrator lets themselves be invited")
    body = f"{_spoken(alert.subject)}\n\n{_spoken(alert.text)}".strip()
    send_message(system_requester(), room_id, "m.room.message", {"msgtype": "m.text", "body": body[:20_000]})


def _is_reached(room_id: str, user_id: str, user_nid: int) -> bool:
    """Whether an administrator is in the room or has been invited, just now if need be."""
    room = rooms.find(room_id)
    row = None if room is None else members.get(room.nid, user_nid)
    if row is not None and row.membership in (Membership.JOIN, Membership.INVITE):
        return True
    try:
        return invite(system_requester(), room_id, user_id) is not None
    except MatrixError as fault:
        _log.info("an administrator cannot be invited", user_id=user_id, reason=fault.message)
        return False


def _admins() -> list[tuple[str, int]]:
    found = account_list.page(kind="admins", search="", sort="name", after=None, limit=MOST_ADMINS)
    return [(account.user_id, account.user_nid) for account in found]
