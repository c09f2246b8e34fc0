"""Judging staged PDUs for which the server that sent them has to be asked, a bounded time for each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import compress
from typing import Final

from matrix_app.federation.inbound.gaps import GapFiller
from matrix_app.federation.inbound.peers import peers
from matrix_app.federation.inbound.processing import (
    BATCH,
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
from matrix_app.protocol.errors import KeysUnknown, MatrixError, RemoteError
from matrix_app.services.known_rooms import find_here
from matrix_app.services.policy_signing import store_asking
from matrix_app.services.received_events import MissingEventsError
from matrix_app.storage import db, rooms, staging
from matrix_app.storage.clock import now_ms
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.staging import Asking, StagedRow

MOST_ATTEMPTS: Final = 5
FIRST_RETRY_MS: Final = 15_000
# What is claimed is worked on for so long at most; the claim lasts a little longer than the last question.
SECONDS: Final = 60.0
_CLAIM_MS: Final = 240_000


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
    try:
        try:
            _store(room, staged)
        except MissingEventsError:
            GapFiller(room, staged.row.origin).complete(staged.event)
            _store(room, staged)
    except MissingEventsError as error:
        drop("gap", [staged.row], error=str(error))
    except RemoteError as error:
        # It answers, if not to this.
        _postpone([staged.row], error)


def _store(room: RoomIdentity, staged: Staged) -> None:
    status = store_asking(room, staged.event, beside=lambda: staging.remove([staged.row.nid]))
    note_refusal(staged, status)


def _postpone(rows: Sequence[StagedRow], error: MatrixError) -> None:
    """Try again later what a server did not answer, a few times."""
    given_up = [row for row in rows if row.attempts + 1 >= MOST_ATTEMPTS]
    drop("unanswered", given_up, error=error.message)
    later = [row for row in rows if row.attempts + 1 < MOST_ATTEMPTS]
    for row in later:
        refused("unanswered yet", origin=row.origin, event_id=row.event_id, error=error.message)
    with db.write():
        for attempts in {row.attempts for row in later}:
            nids = [row.nid for row in later if row.attempts == attempts]
            staging.postpone(nids, now_ms() + FIRST_RETRY_MS * 2**attempts)
