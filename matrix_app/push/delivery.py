"""What a pusher has to deliver next, and what becomes of it. All of this asks the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import orjson
import structlog

from appliance.config import get_config
from matrix_app.push.payload import Addressed, badge, notification
from matrix_app.services.badge import unread_messages
from matrix_app.services.boundary import Boundary
from matrix_app.services.retry_wait import growing, spread
from matrix_app.storage import db, events, members, push_queue, pushers, unread
from matrix_app.storage.clock import now_ms
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import Membership
from matrix_app.storage.push_queue import QueuedDue
from matrix_app.storage.pushers import PusherRow

AT_ONCE: Final = 20
FIRST_RETRY_MS: Final = 2_000
LONGEST_RETRY_MS: Final = 3_600_000
HOUR_MS: Final = 3_600_000

_log = structlog.get_logger("matrix_app.push")


class Job(NamedTuple):
    """A request to a gateway. `due_nid` is None where it only tells how much is unread."""

    pusher: PusherRow
    url: str
    body: dict[str, Any]
    unread: int
    due_nid: int | None = None
    position: int = 0


class Wanted(NamedTuple):
    """A notification that is still wanted, and its event."""

    queued: QueuedDue
    row: EventRow


def next_job(pusher_nid: int) -> Job | None:
    """What an HTTP pusher is to deliver next; None when there is nothing, or it is being left alone."""
    pusher = pushers.get(pusher_nid)
    if pusher is None or pusher.kind != "http" or is_left_alone(pusher):
        return None
    while queued := push_queue.of_pusher(pusher_nid, AT_ONCE):
        for wanted in sort_out(pusher, queued):
            if job := _job_of(pusher, wanted):
                return job
    return None


def _job_of(pusher: PusherRow, wanted: Wanted) -> Job | None:
    """What tells of an event. One that breaks this is left out, so that what follows it arrives."""
    with Boundary("a notification cannot be made", event_id=wanted.row.event_id):
        return _job(pusher, wanted)
    with db.write():
        push_queue.remove([wanted.queued.nid])
    return None


def next_badge(pusher_nid: int) -> Job | None:
    """The request that tells how much is unread, if that is news."""
    pusher = pushers.get(pusher_nid)
    if pusher is None or pusher.kind != "http" or is_left_alone(pusher):
        return None
    to = Addressed.of(pusher)
    unread_now = unread_messages(pusher.user_nid)
    if unread_now == pusher.badge or not to.is_counted:
        return None
    return Job(pusher, to.url, badge(to, unread_now), unread_now)


def http_pushers(user_nids: Iterable[int]) -> list[int]:
    """The HTTP pushers of users."""
    return [pusher.nid for pusher in pushers.of_users(user_nids) if pusher.kind == "http"]


def is_left_alone(pusher: PusherRow) -> bool:
    """Whether the pusher has failed a short while ago."""
    return pusher.retry_ts is not None and pusher.retry_ts > now_ms()


def sort_out(pusher: PusherRow, queued: list[QueuedDue]) -> list[Wanted]:
    """Those that are still wanted; the others are removed.

    Not wanted is what was read or redacted meanwhile, what is in a room that the user has left, and what
    could not be delivered for too long.
    """
    rows = events.rows_by_nid({item.due.event_nid for item in queued})
    marks = unread.marks(pusher.user_nid, list({item.due.room_nid for item in queued}))
    memberships = members.in_rooms(pusher.user_nid, {item.due.room_nid for item in queued})
    late = now_ms() - get_config().push.give_up_hours * HOUR_MS if pusher.failing_since_ts else 0
    wanted, gone = [], []
    for item in queued:
        row, member = rows.get(item.due.event_nid), memberships.get(item.due.room_nid)
        present = member is not None and member.membership in (Membership.JOIN, Membership.INVITE)
        if (
            row is None
            or row.redacted_by_nid is not None
            or not present
            or item.due.created_ts < late
            or item.due.position <= _read_upto(item, marks)
        ):
            gone.append(item.nid)
        else:
            wanted.append(Wanted(item, row))
    if gone:
        with db.write():
            push_queue.remove(gone)
    return wanted


def _read_upto(item: QueuedDue, marks: dict[tuple[int, int], tuple[int, int]]) -> int:
    places = (unread.ROOM, item.due.thread_nid)
    return max(marks.get((item.due.room_nid, place), (0, 0))[0] for place in places)


def _job(pusher: PusherRow, wanted: Wanted) -> Job:
    to = Addressed.of(pusher)
    due = wanted.queued.due
    unread_now = unread_messages(pusher.user_nid)
    body = notification(to, wanted.row, orjson.loads(due.tweaks), unread_now)
    return Job(pusher, to.url, body, unread_now, wanted.queued.nid, due.position)


def delivered(job: Job, rejected: bool) -> None:
    """The gateway has taken the request, and perhaps says that the push key is no good any more."""
    with db.write():
        if rejected:
            # "Homeservers must cease sending notification requests for these pushkeys and remove the
            # associated pushers."
            pushers.delete_one(job.pusher.nid)
            push_queue.remove_orphans()
            _log.info("a push key was rejected", app_id=job.pusher.app_id, url=job.url)
            return
        if job.due_nid is not None:
            push_queue.remove([job.due_nid])
        pushers.set_told(job.pusher.nid, job.position, job.unread, now_ms())


def failed(pusher: PusherRow, fault: str, wait_seconds: int | None = None) -> float:
    """The pusher is left alone for a while: longer each time, or as long as the gateway says; the seconds."""
    wait = growing(FIRST_RETRY_MS, pusher.failures, LONGEST_RETRY_MS)
    if wait_seconds is not None:
        wait = min(max(wait, wait_seconds * 1000), LONGEST_RETRY_MS)
    # Not all at once, when many wait for one gateway.
    wait = spread(wait)
    now = now_ms()
    with db.write():
        pushers.set_failed(pusher.nid, fault[:500], now, now + wait)
    _log.warning("a pusher failed", app_id=pusher.app_id, fault=fault, again_in_ms=wait)
    return wait / 1000
