"""Judging staged PDUs for which the server that sent them has to be asked, a bounded time for each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import compress
from typing import Final

import structlog

from matrix_app.federation.inbound.gaps import GapFiller
from matrix_app.federation.inbound.peers import peers
from matrix_app.federation.inbound.processing import (
    BATCH,
    MOST_ATTEMPTS,
    Staged,
    drop,
    first_of_each,
    in_sequence,
    kept,
    note_refusal,
    nothing_held,
    withdraw_if_so,
)
from matrix_app.federation.inbound.refusals import refused
from matrix_app.protocol.errors import KeysUnknown, MatrixError, RemoteError, RemoteUnreachable, Unavailable
from matrix_app.services.boundary import Boundary
from matrix_app.services.known_rooms import find_here
from matrix_app.services.policy_signing import store_asking
from matrix_app.services.received_events import MissingEventsError
from matrix_app.services.retry_wait import growing
from matrix_app.storage import db, destinations, interning, rooms, staging
from matrix_app.storage.clock import now_ms
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.staging import Asking, StagedRow

FIRST_RETRY_MS: Final = 15_000
LONGEST_RETRY_MS: Final = 3_600_000
# A server that does not answer is asked again for so long, and at once when it shows life. After a few
# attempts that is so for the events alone that it sent last to a room: with them come those before them.
KEPT_MS: Final = 7 * 24 * 3_600_000
KEPT_OF_A_ROOM: Final = 5
# What is claimed is worked on for so long at most; the claim lasts a little longer than the last question.
SECONDS: Final = 60.0
_CLAIM_MS: Final = 240_000
_FIRST_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429

_log = structlog.get_logger("matrix_app.federation.inbound")


def fill(asking: Asking) -> None:
    """Judge what a server sent to a room and what needs asking. Once it does not answer, all of it rests."""
    room = rooms.by_nid(asking.room_nid)
    while rows := _claim(asking):
        rows = first_of_each(rows)
        if not _judge_all(room, rows):
            return


def _claim(asking: Asking) -> list[StagedRow]:
    now = now_ms()
    with db.write():
        return staging.claim(asking, now, now + _CLAIM_MS, BATCH)


def _judge_all(room: RoomIdentity, rows: Sequence[StagedRow]) -> bool:
    """Judge claimed rows; whether the server has answered, and there is time for more."""
    end = time.monotonic() + SECONDS
    waiting = in_sequence(room, rows, nothing_held)
    try:
        waiting = _verified(waiting)
        while waiting and time.monotonic() < end:
            _judge(room, waiting[0])
            waiting.pop(0)
    except Unavailable as error:
        _rest([staged.row for staged in waiting], error)
        return False
    except MatrixError as error:
        _postpone([staged.row for staged in waiting], error)
        return False
    with db.write():
        staging.release([staged.row.nid for staged in waiting])
    return not waiting


def _verified(found: Sequence[Staged]) -> list[Staged]:
    """Those of right signatures; those whose keys cannot be had for now are left for later."""
    faults = peers().faults([staged.event for staged in found])
    for staged, fault in zip(found, faults, strict=True):
        if isinstance(fault, KeysUnknown):
            _postpone([staged.row], fault)
    certain = [not isinstance(fault, KeysUnknown) for fault in faults]
    return kept(list(compress(found, certain)), list(compress(faults, certain)))


def _judge(room: RoomIdentity, staged: Staged) -> None:
    if find_here(room.room_id) is None:
        withdraw_if_so(room, staged)
        return
    event_id = staged.event.event_id
    with Boundary("an event cannot be judged", passing=(RemoteUnreachable,), event_id=event_id) as boundary:
        _judge_here(room, staged)
    if boundary.fault is not None:
        _postpone([staged.row], boundary.fault)


def _judge_here(room: RoomIdentity, staged: Staged) -> None:
    try:
        try:
            _store(room, staged)
        except MissingEventsError:
            GapFiller(room, staged.row.origin).complete(staged.event)
            _store(room, staged)
    except MissingEventsError as error:
        drop("gap", [staged.row], error=str(error))
    except (RemoteUnreachable, Unavailable):
        raise
    except MatrixError as error:
        # It answers, if not to this.
        _postpone([staged.row], error)


def _store(room: RoomIdentity, staged: Staged) -> None:
    status = store_asking(room, staged.event, beside=lambda: staging.remove([staged.row.nid]))
    note_refusal(staged, status)


def _rest(rows: Sequence[StagedRow], error: MatrixError) -> None:
    """Try again soon what has nothing against it but that the room is busy."""
    _log.warning("received events wait", room_nid=rows[0].room_nid, error=error.message)
    with db.write():
        staging.rest([row.nid for row in rows], now_ms() + FIRST_RETRY_MS)


def _postpone(rows: Sequence[StagedRow], error: Exception) -> None:
    """Try again later what a server did not answer."""
    is_ours = not isinstance(error, MatrixError)
    told = type(error).__name__ if is_ours else str(error)
    stays = _stays(rows, error)
    drop("fault" if is_ours else "unanswered", [row for row in rows if row.nid not in stays], error=told)
    for row in rows:
        if row.nid in stays:
            wait = _wait(row, error)
            refused("unanswered yet", origin=row.origin, event_id=row.event_id, error=told, again_in_ms=wait)
            with db.write():
                staging.postpone([row.nid], now_ms() + wait)


def _stays(rows: Sequence[StagedRow], error: Exception) -> set[int]:
    """Which of the rows of one room and server are tried again."""
    stays = {row.nid for row in rows if row.attempts + 1 < MOST_ATTEMPTS}
    if not rows or not _may_pass(error):
        return stays
    origin_nid = interning.server_nid(rows[0].origin)
    newest = staging.newest(Asking(rows[0].room_nid, origin_nid), KEPT_OF_A_ROOM)
    return stays | {row.nid for row in rows if row.nid in newest and row.received_ts > now_ms() - KEPT_MS}


def _may_pass(error: Exception) -> bool:
    """Whether the server did not answer, or only not now."""
    if isinstance(error, RemoteError):
        return error.remote_status >= _FIRST_SERVER_ERROR or error.remote_status == _TOO_MANY
    return isinstance(error, RemoteUnreachable | KeysUnknown)


def _wait(row: StagedRow, error: Exception) -> int:
    is_left_alone = isinstance(error, RemoteUnreachable | RemoteError) and error.is_left_alone
    if is_left_alone and destinations.health(row.origin).failing_since_ts is None:
        return FIRST_RETRY_MS  # it has shown life meanwhile
    return growing(FIRST_RETRY_MS, row.attempts, LONGEST_RETRY_MS)
