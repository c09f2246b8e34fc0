"""What administrators have to do with: reports, invitations, tasks, and what was written down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from matrix_app.protocol.said import packed, said
from matrix_app.storage import long_tasks, task_lines
from matrix_app.storage import models as tables
from tests.filled.people import People
from tests.filled.rooms import Rooms
from tests.filled.size import Size
from tests.filled.store import DAY, HOUR, MINUTE, store

REASONS: Final = (
    "This is an advertisement, for the third time",
    "Not nice to the new neighbours",
    None,
    "I think that this was meant for another room",
)
ACTIONS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("session.start", {"area": "admin"}),
    ("user.lock", {}),
    ("notice.send", {}),
    ("settings.change", {"registration.mode": "token"}),
    ("media.quarantine", {"count": 1}),
    ("token.create", {"uses": 10}),
    ("notice.send_all", {}),
    ("room.block", {}),
    ("checks.run", {}),
)
TASKS: Final = (
    ("backup", "Back up"),
    ("room.delete", "Delete a room"),
    ("backup.verify", "Verify a backup"),
    ("user.redact", "Redact all messages of a user"),
)


def fill_administration(size: Size, people: People, rooms: Rooms, now: int) -> None:
    """As many of each as there should be."""
    store(_report(number, people, rooms, now) for number in reversed(range(size.rows)))
    store(_invitation(number, now) for number in range(size.rows))
    tasks = store(_task(number, people, now) for number in reversed(range(size.rows)))
    store(line for task in tasks[-1:] for line in _lines(task, size.rows))
    store(_entry(number, people, rooms, now) for number in reversed(range(size.rows)))


def _report(number: int, people: People, rooms: Rooms, now: int) -> tables.EventReport:
    reporter = people.everybody[number % len(people.everybody)]
    row = tables.EventReport(reporter_nid=reporter.nid, received_ts=now - number * 5 * HOUR - 20 * MINUTE)
    row.reason = REASONS[number % len(REASONS)]
    if number % 5 == 4:
        row.reported_user_nid = people.busiest.nid
    elif rooms.places:
        row.room_nid = rooms.places[0].nid
        if number % 5 != 3 and rooms.messages:
            row.event_id = rooms.messages[-1 - (number * 3) % len(rooms.messages)].event_id
            row.score = -100
    if number % 2 == 1:
        row.handled_ts, row.handled_by_nid = now - number * HOUR, people.owner.nid
    return row


def invitation_of(number: int) -> str:
    """The token of an invitation."""
    return f"welcome-{number + 1}"


def _invitation(number: int, now: int) -> tables.RegistrationToken:
    ended = number % 3 == 2
    return tables.RegistrationToken(
        token=invitation_of(number),
        uses_allowed=None if number % 4 == 1 else 10,
        completed=10 if ended else number % 8,
        expires_ts=now - DAY if ended else now + 20 * DAY if number % 2 == 0 else None,
        created_ts=now - number * 7 * HOUR - 2 * HOUR,
    )


def _lines(task: tables.LongTask, size: int) -> Iterator[tables.LongTaskLine]:
    """What the log of a task says: as many lines as there are of everything, up to those that are kept."""
    for number in range(min(size, task_lines.MOST_LINES)):
        sentence = said("No server answers for {room_id}", room_id="!kitchen:far.away.example")
        text = "media" if number % 3 else packed(sentence)
        yield tables.LongTaskLine(
            task_nid=task.nid, ts=task.created_ts + number * 1000, is_warning=number % 3 == 0, text=text
        )


def _task(number: int, people: People, now: int) -> tables.LongTask:
    kind, title = TASKS[number % len(TASKS)]
    began = now - number * 11 * HOUR - 3 * MINUTE
    row = tables.LongTask(
        kind=kind, title=title, actor_nid=people.owner.nid, created_ts=began, started_ts=began
    )
    if number == 0:
        # Its worker has just been heard of, and will be for a year: no other takes it up.
        row.state, row.step, row.done, row.total = long_tasks.RUNNING, "media", 640, 1000
        row.heartbeat_ts = now + 365 * DAY
        return row
    row.finished_ts = began + 4 * MINUTE
    row.state = long_tasks.FAILED if number % 6 == 4 else long_tasks.DONE
    row.error = "The disk is full" if row.state == long_tasks.FAILED else ""
    row.done = row.total = 1000
    row.result = orjson.dumps({"rows": 1000})
    return row


def _entry(number: int, people: People, rooms: Rooms, now: int) -> tables.AuditEntry:
    action, details = ACTIONS[number % len(ACTIONS)]
    target = "" if action in ("settings.change", "notice.send_all", "checks.run") else people.busiest.user_id
    if action.startswith("room.") and rooms.places:
        target = rooms.places[0].room_id
    return tables.AuditEntry(
        ts=now - number * 3 * HOUR - 4 * MINUTE,
        actor_nid=None if number % 10 == 8 else people.owner.nid,
        via="cli" if number % 10 == 8 else "page",
        action=action,
        target=target,
        details=orjson.dumps(details),
        ip="" if number % 10 == 8 else "192.0.2.7",
    )
