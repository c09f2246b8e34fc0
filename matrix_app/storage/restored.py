"""What a database that was restored must do differently from the one it is a copy of.

The copy is older than what clients and servers have seen since. So nothing that was given out after the
copy was made may be given out again: positions of the stream, keys for one use, connections of sliding sync.
"""

from __future__ import annotations

from typing import Final

from matrix_app.storage import db, lost_time, outbound, restored_devices, stream
from matrix_app.storage.lost_time import LostTime
from matrix_app.storage.stream import Change, Kind

# More positions than a server takes between a backup and its end.
JUMP: Final = 1_000_000_000
# More than a server takes in a second. So whenever a backup is restored again, what is given out then is
# ahead of everything that has been given out since it was restored the last time.
PER_SECOND: Final = 1_000_000
_BATCH: Final = 500


def jump_positions(backup_ts: int, now: int) -> int:
    """Let the stream go on far ahead, and note what lies between as lost; the last of that.

    Nothing ever has that position, nor had it in any life that began with the same backup.
    """
    before = stream.current_position()
    after = _jump(now // 1000 * PER_SECOND)
    lost_time.note(LostTime(before, after, backup_ts, now))
    return after


def _jump(least: int) -> int:
    if db.is_sqlite():
        sql = (
            "INSERT INTO sqlite_sequence (name, seq) SELECT %s, 0"
            " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = %s)"
        )
        db.execute(sql, ("stream_log", "stream_log"))
        sql = "UPDATE sqlite_sequence SET seq = max(seq + %s, %s) WHERE name = 'stream_log' RETURNING seq"
        return int(db.value(sql, (JUMP, least)))
    sequence = db.value("SELECT pg_get_serial_sequence('stream_log', 'position')")
    sql = (
        "SELECT setval(%s::regclass, GREATEST(%s, %s + (SELECT COALESCE(max(position), 0) FROM stream_log),"
        " %s + (SELECT COALESCE(last_value, 0) FROM pg_sequences"
        "  WHERE format('%%I.%%I', schemaname, sequencename) = %s)))"
    )
    return int(db.value(sql, (sequence, least, JUMP, JUMP, sequence)))


def forget_one_time_keys() -> list[int]:
    """Remove all keys for one use, and take fallback keys for used; the devices, which need new ones."""
    db.execute("DELETE FROM one_time_key")
    db.execute("UPDATE fallback_key SET used = %s", (True,))
    return restored_devices.put_all()


def forget_sliding_connections(now: int) -> None:
    """Let sliding syncs begin anew, under numbers that were not in use before."""
    db.execute("DELETE FROM sliding_version")
    db.execute("DELETE FROM sliding_connection")
    least = now // 1000 * PER_SECOND
    if db.is_sqlite():
        sql = "UPDATE sqlite_sequence SET seq = max(seq + %s, %s) WHERE name = 'sliding_connection'"
        db.execute(sql, (JUMP, least))
    else:
        sql = "SELECT setval(pg_get_serial_sequence('sliding_connection', 'nid'), GREATEST(%s, %s + nextval("
        sql += "pg_get_serial_sequence('sliding_connection', 'nid'))))"
        db.execute(sql, (least, JUMP))


def begin_new_transactions(now: int) -> None:
    """Let transactions for application services go on under numbers that were not in use before.

    One that was under way keeps its number: the service may have it already.
    """
    db.execute("UPDATE appservice_progress SET created_ts = %s WHERE pending IS NULL", (now,))


def break_device_chains(unknown_position: int) -> int:
    """Have all who know devices of local users ask for them again; of how many users.

    What is told of each user follows upon a change that nobody has been told of: so other servers see that
    they lack something, and fetch the whole list.
    """
    sql = (
        "SELECT u.nid, min(d.device_id) FROM matrix_user u JOIN device d ON d.user_nid = u.nid"
        " WHERE u.is_local GROUP BY u.nid ORDER BY u.nid"
    )
    found = db.rows(sql)
    for start in range(0, len(found), _BATCH):
        batch = found[start : start + _BATCH]
        positions = stream.append([Change(Kind.DEVICE_LIST, user_nid=nid) for nid, _ in batch])
        values = [
            (position, nid, device_id, unknown_position)
            for position, (nid, device_id) in zip(positions, batch, strict=True)
        ]
        insert = "INSERT INTO device_list_change (position, user_nid, device_id, previous) VALUES {values}"
        db.insert_many(insert, 4, values)
    return len(found)


def forget_remote_device_lists(now: int) -> None:
    """Take devices of users of other servers for out of date: what changed meanwhile was never heard of."""
    sql = "UPDATE remote_device_list SET is_current = %s, epoch = epoch + 1, attempts = 0, retry_ts = %s"
    db.execute(sql, (False, now))


def leave_servers_behind() -> int:
    """Let the sender contact every server that shares a room, and bring it what it lacks; how many."""
    progress = outbound.progress()
    reached = progress[0] if progress else stream.current_position()
    sql = (
        "UPDATE destination SET sent_position = CASE WHEN NOT is_behind AND sent_position < %s THEN %s"
        " ELSE sent_position END, failing_since_ts = NULL, retry_at_ts = 0, interval_ms = 0,"
        " flight_txn_id = NULL, flight_positions = NULL"
    )
    db.execute(sql, (reached, reached))
    others = outbound.servers_elsewhere()
    sql = (
        "INSERT INTO destination (server_nid, retry_at_ts, interval_ms, sent_position, is_behind)"
        " VALUES {values} ON CONFLICT (server_nid) DO UPDATE SET is_behind = excluded.is_behind"
    )
    db.insert_many(sql, 5, [(nid, 0, 0, reached, True) for nid in sorted(others)])
    return len(others)


def end_tasks(kinds: tuple[str, ...], now: int) -> None:
    """End tasks of some kinds that were at work when the copy was made: it is what they were making."""
    sql = (
        "UPDATE long_task SET state = 'cancelled', finished_ts = %s"
        f" WHERE {db.in_any('kind')} AND state IN ('queued', 'running')"
    )
    db.execute(sql, (now, db.any_of(kinds)))
