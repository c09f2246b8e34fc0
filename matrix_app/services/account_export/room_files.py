"""The rooms of a user: their membership, what they wrote, and, where it is wanted, all that they may read."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from matrix_app.protocol.errors import Forbidden, NotFound
from matrix_app.protocol.tokens import HistoryToken
from matrix_app.services.account_export.account_files import contents, to_json
from matrix_app.services.account_export.archive import Part
from matrix_app.services.account_export.pages import add_page, time_text
from matrix_app.services.account_export.progress import Job
from matrix_app.services.event_view import render_events
from matrix_app.services.history_page import read_page
from matrix_app.services.room_access import RoomAccess, access_room
from matrix_app.services.room_names import room_name
from matrix_app.storage import account_data, interning, members, receipts, rooms, sent_events, summaries
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import Membership
from matrix_app.storage.rooms import RoomIdentity

PAGE: Final = 500
# So many events of a room are looked through for those of the user by one statement.
SPAN: Final = 5000
_START: Final = (0, 0)


class Line(NamedTuple):
    """An event as a page shows it. `kind` is text, encrypted, removed or other."""

    event_id: str
    sender: str
    time: str
    kind: str
    text: str
    link: str


def next_room(job: Job) -> int | None:
    """The room that is at work, or comes next; None when all are done."""
    found = sent_events.rooms_of_sender(job.account.user_nid)
    if job.progress.place is not None:
        return job.progress.room_nid
    return next((nid for nid in found if nid > job.progress.room_nid), None)


def count_rooms(user_nid: int) -> int:
    """How many rooms there are to be done."""
    return len(sent_events.rooms_of_sender(user_nid))


def add_some(part: Part, job: Job, room_nid: int) -> None:
    """Add the next page of a room, and what else there is of it with the last one."""
    progress, room = job.progress, rooms.by_nid(room_nid)
    if progress.place is None:
        progress.room_nid, progress.place, progress.page, progress.events = room_nid, _START, 0, 0
    rows, place = _next_events(job, room, progress.place)
    if rows:
        progress.page += 1
        progress.events += len(rows)
        progress.total_events += len(rows)
        _add_events(part, job, room, rows)
    progress.place = place
    if place is None:
        _add_room(part, job, room)
        progress.rooms_done += 1


def _next_events(
    job: Job, room: RoomIdentity, place: tuple[int, int]
) -> tuple[list[EventRow], tuple[int, int] | None]:
    access = _access(job, room) if job.options.history else None
    if access is None:
        return sent_events.after_place(room.nid, job.account.user_nid, after=place, span=SPAN, limit=PAGE)
    page = read_page(access, backwards=False, limit=PAGE, start=HistoryToken(*place))
    return page.rows, None if page.end is None else (page.end.depth, page.end.nid)


def _access(job: Job, room: RoomIdentity) -> RoomAccess | None:
    """How the user reads the room, as a member or a former one; None for others, whoever may look in."""
    try:
        access = access_room(room.room_id, job.reader)
    except (Forbidden, NotFound):
        return None
    return access if access.is_joined or access.left is not None else None


def folder_of(room_nid: int) -> str:
    """Where the files of a room are in the archive."""
    return f"rooms/{room_nid}"


def _add_events(part: Part, job: Job, room: RoomIdentity, rows: list[EventRow]) -> None:
    name = f"{folder_of(room.nid)}/messages-{job.progress.page:04}"
    shown = render_events(rows, viewer_nid=job.account.user_nid, bundle=False)
    part.add(f"{name}.json", b"[\n" + b",\n".join(shown) + b"\n]\n")
    lines = [_line(orjson.loads(text)) for text in shown]
    add_page(part, job, f"{name}.html", "messages", title=_name(job, room), lines=lines)


def _line(event: dict[str, Any]) -> Line:
    content = event.get("content")
    content = content if isinstance(content, dict) else {}
    kind, text = "other", _summary(event, content)
    if "redacted_because" in event.get("unsigned", {}):
        kind = "removed"
    elif event["type"] == "m.room.encrypted":
        kind = "encrypted"
    elif isinstance(content.get("body"), str):
        kind, text = "text", content["body"]
    return Line(
        event["event_id"], event["sender"], time_text(event["origin_server_ts"]), kind, text, _link(content)
    )


def _summary(event: dict[str, Any], content: dict[str, Any]) -> str:
    if event["type"] == "m.room.member":
        return f"{content.get('membership')}: {event.get('state_key')}"
    return str(event["type"])


def _link(content: dict[str, Any]) -> str:
    """The address of what a message shows: where it is in the archive is in the list of files."""
    file = content.get("file")
    url = file.get("url") if isinstance(file, dict) else content.get("url")
    return url if isinstance(url, str) and url.startswith("mxc://") else ""


def _name(job: Job, room: RoomIdentity) -> str:
    return room_name(room.nid, job.account.user_nid)


def _add_room(part: Part, job: Job, room: RoomIdentity) -> None:
    nid, folder = job.account.user_nid, folder_of(room.nid)
    member = members.get(room.nid, nid)
    membership = "leave" if member is None else Membership(member.membership).word
    summary = summaries.get(room.nid)
    facts = {
        "room_id": room.room_id,
        "name": summary.name,
        "topic": summary.topic,
        "canonical_alias": summary.canonical_alias,
        "room_version": room.rules.identifier,
        "membership": membership,
        "membership_by": None if member is None else interning.user_id_of(member.sender_nid),
        "events": job.progress.events,
        "account_data": contents(account_data.of_rooms(nid, [room.nid]), job),
        "receipts": [
            {"type": row.receipt_type, "thread_id": row.thread_id, "event_id": row.event_id, "ts": row.ts}
            for row in receipts.of_user(nid, room.nid)
        ],
    }
    part.add(f"{folder}/room.json", to_json(facts))
    pages = [f"messages-{number:04}.html" for number in range(1, job.progress.page + 1)]
    add_page(
        part,
        job,
        f"{folder}/index.html",
        "room",
        title=_name(job, room),
        room_id=room.room_id,
        membership=membership,
        topic=summary.topic,
        events=job.progress.events,
        pages=pages,
    )
