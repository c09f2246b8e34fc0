"""Mails that tell of what a user has missed: one for many messages, not at once, and not too often."""

from __future__ import annotations

import smtplib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import structlog

from appliance.config import get_config
from matrix_app.protocol.events import Event
from matrix_app.push.delivery import Wanted, failed, sort_out
from matrix_app.push.unsubscribe import unsubscribe_url
from matrix_app.services import mail
from matrix_app.services.room_names import member_names, room_name
from matrix_app.services.templates import render
from matrix_app.storage import db, events, interning, push_queue, pushers, rooms
from matrix_app.storage.clock import now_ms
from matrix_app.storage.push_queue import Waiting
from matrix_app.storage.pushers import PusherRow

MOST_WAITING: Final = 500
MOST_ROOMS: Final = 20
MOST_MESSAGES: Final = 10
LONGEST_TEXT: Final = 500
_MINUTE_MS: Final = 60_000
_KINDS: Final = {
    "m.image": "sent a picture",
    "m.video": "sent a video",
    "m.audio": "sent a recording",
    "m.file": "sent a file",
    "m.location": "sent a place",
}

_log = structlog.get_logger("matrix_app.push")


@dataclass
class Line:
    """A message as the mail shows it: `says` is its text, or else `does` what its sender has done."""

    sender: str
    time: str
    says: str = ""
    does: str = ""


@dataclass
class RoomPart:
    """What the mail says of a room."""

    name: str
    link: str
    lines: list[Line] = field(default_factory=list)
    more: int = 0


def is_due(waiting: Waiting) -> bool:
    """Whether it is time for a mail, and the last attempt is long enough ago."""
    config, now = get_config().push, now_ms()
    ready = waiting.oldest_ts + config.mail_delay_minutes * _MINUTE_MS
    allowed = (waiting.told_ts or 0) + config.mail_interval_minutes * _MINUTE_MS
    return now >= max(ready, allowed, waiting.retry_ts or 0)


def send_digest(pusher_nid: int) -> None:
    """Mail what a user has still not read. It may be called at any time: it looks whether a mail is due."""
    pusher = pushers.get(pusher_nid)
    queued = push_queue.of_pusher(pusher_nid, MOST_WAITING)
    if pusher is None or pusher.kind != "email" or not queued or not mail.is_configured():
        return
    oldest = queued[0].due.created_ts
    if not is_due(Waiting(pusher.nid, pusher.kind, oldest, pusher.retry_ts, pusher.told_ts)):
        return
    wanted = sort_out(pusher, queued)
    if not wanted:
        return
    try:
        _send(pusher, wanted)
    except (OSError, smtplib.SMTPException) as error:
        failed(pusher, f"The mail server did not take a mail: {error}")
        return
    with db.write():
        push_queue.remove([item.queued.nid for item in wanted])
        pushers.set_told(pusher.nid, wanted[-1].queued.due.position, len(wanted), now_ms())


def _send(pusher: PusherRow, wanted: list[Wanted]) -> None:
    by_room: dict[int, list[Wanted]] = defaultdict(list)
    for item in wanted:
        by_room[item.queued.due.room_nid].append(item)
    shown = list(by_room.items())[-MOST_ROOMS:]
    link = unsubscribe_url(pusher)
    values: dict[str, Any] = {
        "user_id": interning.user_id_of(pusher.user_nid),
        "rooms": [_part(nid, items, pusher.user_nid) for nid, items in shown],
        "more_rooms": len(by_room) - len(shown),
        "count": len(wanted),
        "unsubscribe": link,
    }
    subject = " ".join(render("mail/digest_subject.txt", **values).split())
    text, html = (render(f"mail/digest.{kind}", **values) for kind in ("txt", "html"))
    headers = {
        "List-Unsubscribe": f"<{link}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
    }
    mail.send(pusher.pushkey, subject, text, html, headers=headers)


def _part(room_nid: int, items: list[Wanted], viewer_nid: int) -> RoomPart:
    shown = items[-MOST_MESSAGES:]
    names = member_names(room_nid, list({item.row.sender_nid for item in shown}))
    part = RoomPart(room_name(room_nid, viewer_nid), room_link(rooms.by_nid(room_nid).room_id))
    part.more = len(items) - len(shown)
    for item in shown:
        event = events.parse(item.row)
        time = datetime.fromtimestamp(event.origin_server_ts / 1000, UTC).strftime("%d %b %H:%M UTC")
        says, does = _said(event)
        part.lines.append(Line(names[item.row.sender_nid], time, says, does))
    return part


def _said(event: Event) -> tuple[str, str]:
    """(what a message says, or else what its sender does)"""
    if event.type == "m.room.member":
        return "", "invites you"
    if event.type == "m.room.encrypted":
        return "", "sent an encrypted message"
    if event.type == "m.call.invite":
        return "", "called you"
    does = _KINDS.get(str(event.content.get("msgtype")))
    body = event.content.get("body")
    if does is not None or not isinstance(body, str):
        return "", does or "did something new"
    # Nothing may look like another line of the mail, or hide behind marks of direction.
    plain = "".join(char if char.isprintable() else " " for char in body)
    return (plain if len(plain) <= LONGEST_TEXT else f"{plain[:LONGEST_TEXT]}…"), ""


def room_link(room_id: str) -> str:
    """Where a web app shows a room."""
    base = get_config().push.client_url.rstrip("/")
    place = quote(room_id, safe="!:")
    return f"{base}/#/room/{place}" if base else f"https://matrix.to/#/{place}"
