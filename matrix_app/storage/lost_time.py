"""Times that a restore has undone: clients and servers remember them, and this server does not."""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.storage import db
from matrix_app.storage.cache import ByteCache

# September 2020: so that numbers have nine digits for decades.
_EPOCH: Final = 1_600_000_000


class LostTime(NamedTuple):
    """Between a backup and the restore from it: positions after `after` up to `upto`, and the time of day."""

    after: int
    upto: int
    begun_ts: int
    ended_ts: int


# It changes only while the server does not run.
_known: ByteCache[str, list[LostTime]] = ByteCache("lost_time", 1 << 20)


def note(lost: LostTime) -> None:
    """A restore has undone a time; inside a write transaction."""
    sql = "INSERT INTO lost_time (after_position, upto_position, begun_ts, ended_ts) VALUES (%s, %s, %s, %s)"
    db.execute(sql, lost)
    db.on_commit(_known.clear)


def every() -> list[LostTime]:
    """All of them, in order."""
    found = _known.get("")
    if found is None:
        # A row for each restore: a walk through all of them is none through a table.
        sql = (
            "SELECT after_position, upto_position, begun_ts, ended_ts FROM lost_time WHERE nid > 0"
            " ORDER BY nid"
        )
        found = [LostTime(*row) for row in db.rows(sql)]
        _known.put("", found, 100 + 200 * len(found))
    return found


def has_position(position: int) -> bool:
    """Whether a position of the stream was given out in a lost time: who has it has seen what never was."""
    return any(lost.after < position <= lost.upto for lost in every())


def first_number() -> int:
    """From where numbers go on that may have been given out in a lost time: not too small, not too large.

    It is the second of the last restore; 0 when there was none.
    """
    return max((lost.ended_ts // 1000 - _EPOCH for lost in every()), default=0)
