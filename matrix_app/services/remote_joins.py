"""Joins of rooms that only other servers can let a user into: asked for, waited for, shown to administrators.

Each is a long task (`services/long_tasks.py`) of the kind "join": it goes on when nobody waits for it any
more and after a restart, its progress is in the list of tasks, and it can be cancelled there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from appliance.web.stopping import is_stopping
from matrix_app.http.requester import Requester
from matrix_app.http.view_threads import waiting_for_others
from matrix_app.protocol.errors import MatrixError, Unavailable
from matrix_app.protocol.said import said
from matrix_app.services.background import run_later
from matrix_app.storage import accounts, db, long_tasks
from matrix_app.storage.clock import now_ms
from matrix_app.storage.long_tasks import CANCELLED, DONE, LongTaskRow
from matrix_app.storage.user_lock import lock_user

KIND: Final = "join"
# Joins of all users that are under way or wait for others.
MOST: Final = 200
# A client that waits longer is told to ask again.
WAIT_SECONDS: Final = 900.0
# Until a join that is to be cancelled has noticed.
END_SECONDS: Final = 20.0
# The topic of wake-ups by which other processes learn that joins have ended.
ENDED: Final = "joined"
# Who waits is told of the end of joins; should that be lost, it is seen at the next look.
_FIRST_LOOK: Final = 0.02
_LAST_LOOK: Final = 0.25


class Wanted(NamedTuple):
    """A join that is asked for. `was_here`: this server is in the room, but cannot let the user in itself."""

    user_id: str
    user_nid: int
    room_id: str
    servers: Sequence[str]
    content: dict[str, Any]
    was_here: bool
    is_guest: bool = False


class _Ended:
    """How many joins have been heard to have ended."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.count = 0

    def tell(self) -> None:
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Return when there are other than `seen`, or after a time."""
        with self._condition:
            self._condition.wait_for(lambda: self.count != seen, seconds)


_ended = _Ended()


def one_has_ended() -> None:
    """Let those who wait for joins look at once."""
    _ended.tell()


class StillJoiningError(MatrixError):
    """504: the join goes on, but the client waits no longer."""

    status = 504


class EndedJoinError(MatrixError):
    """What a join ended with, as it was told when it did."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        more = {key: value for key, value in body.items() if key not in ("errcode", "error")}
        super().__init__(body.get("error", ""), errcode=body.get("errcode"), status=status, **more)


def request(
    requester: Requester, room_id: str, servers: Sequence[str], content: dict[str, Any], *, was_here: bool
) -> int:
    """Have a user join a room; the nid of the task. A join of the same user and room that is under way is it.

    Raises `Unavailable` when too many joins are under way.
    """
    wanted = Wanted(
        requester.user_id, requester.user_nid, room_id, list(servers), content, was_here, requester.is_guest
    )
    # It is on the disk before a server is handed the join: see `Join`.
    with db.write_unsynced():
        lock_user(requester.user_nid)
        unfinished = long_tasks.unfinished(KIND, MOST)
        under_way = _among(unfinished, requester.user_nid, room_id)
        if under_way is not None:
            return under_way
        if len(unfinished) >= MOST:
            raise Unavailable("Too many joins are under way")
        title = said("{user_id} joins {room_id}", user_id=requester.user_id, room_id=room_id)
        return long_tasks.put(KIND, title, orjson.dumps(wanted._asdict()), requester.user_nid, now_ms())


def wanted_in(row: LongTaskRow) -> Wanted:
    """What the task of a join is about."""
    return Wanted(**row.params)


def requester_of(wanted: Wanted) -> Requester:
    """The user of a join, as they are now; raises `Unavailable` when the account is gone."""
    account = accounts.get(wanted.user_nid)
    if account is not None and account.deactivated_ts is not None:
        raise Unavailable("The account has been deactivated")
    return Requester(
        user_id=wanted.user_id,
        user_nid=wanted.user_nid,
        device_id=None,
        device_nid=None,
        token_nid=None,
        is_guest=wanted.is_guest,
        is_suspended=account is not None and account.suspended_ts is not None,
    )


def wait(nid: int, seconds: float = WAIT_SECONDS) -> None:
    """Return when the user has joined; raises what the join ended with, or `StillJoiningError` after a time.

    Who asks for the join again waits for the same one.
    """
    began = time.monotonic()
    end = began + seconds
    while True:
        seen = _ended.count
        if is_over(nid):
            return
        if is_stopping() or time.monotonic() >= end:
            raise StillJoiningError("The room is still being joined; ask again to wait for it")
        _ended.wait(seen, min(max(_FIRST_LOOK, (time.monotonic() - began) / 20), _LAST_LOOK))


def end_own(requester: Requester, room_id: str) -> bool:
    """Cancel a user's join of a room that is under way, and wait for its end; whether there was one.

    False also where it was too late, and the user has joined. Raises `StillJoiningError` when the end takes
    too long to be waited for.
    """
    nid = _among(long_tasks.unfinished(KIND, MOST), requester.user_nid, room_id)
    if nid is None:
        return False
    with db.write():
        long_tasks.ask_to_cancel(nid)
        run_later("run_joins")
    try:
        with waiting_for_others():
            wait(nid, END_SECONDS)
    except StillJoiningError:
        raise
    except MatrixError:
        return True
    return False


def _among(unfinished: Sequence[LongTaskRow], user_nid: int, room_id: str) -> int | None:
    for row in unfinished:
        other = wanted_in(row)
        if (other.user_nid, other.room_id) == (user_nid, room_id):
            return row.nid
    return None


def is_over(nid: int) -> bool:
    """Whether a join has succeeded; False while it goes on. Raises what it failed with."""
    row = long_tasks.find(nid)
    if row is None or row.state == DONE:
        # Joins that were done some time ago are not kept.
        return True
    if row.state == CANCELLED:
        raise MatrixError("The join was cancelled", status=409)
    if row.is_finished:
        raise EndedJoinError(row.result["status"], row.result["body"])
    return False


def internal_error() -> MatrixError:
    """What is told of a fault that is Hearth's own, which has been logged."""
    return MatrixError("Internal server error")


def finish(nid: int) -> None:
    """The user is in the room; inside the transaction of whatever else follows."""
    long_tasks.finish(nid, DONE, now_ms())


def fail(nid: int, fault: MatrixError) -> None:
    """The join has come to nothing."""
    result = orjson.dumps({"status": fault.status, "body": fault.body()})
    with db.write():
        long_tasks.finish(nid, long_tasks.FAILED, now_ms(), result=result, error=fault.message)


def give_up(nid: int) -> None:
    """The join has been cancelled, and has ended."""
    with db.write():
        long_tasks.finish(nid, CANCELLED, now_ms())
