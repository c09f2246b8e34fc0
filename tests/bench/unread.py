#!/usr/bin/env python3
"""What millions of unread notifications of one user cost, beside ten of them.

    HEARTH_TEST_DATABASE=[postgresql://...] python tests/bench/unread.py [--many 10000000] [--runs 40]

Every unread message is an entry of that user's own, as it is for who is mentioned or has rules of their own.
Prints the milliseconds (median) of each thing that users do, with ten and with many, and the ratio. The rooms
have as many messages in both cases: a bigger database is not what is measured.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from matrix_app.services.push_rules import change_rules  # noqa: E402
from matrix_app.storage import db, rooms, stream, unread_counts  # noqa: E402
from matrix_app.storage.cache import clear_all  # noqa: E402
from matrix_app.storage.unread_counts import RoomCounts  # noqa: E402
from matrix_app.sync import memo  # noqa: E402
from matrix_app.sync.hub import hub  # noqa: E402
from tests.factories.client import ClientFactory  # noqa: E402
from tests.factories.settings import settings  # noqa: E402

_EVENTS = """
INSERT INTO event (nid, event_id, room_nid, type, sender_nid, depth, origin_server_ts, position, status,
    is_outlier, unread_ordinal, json)
SELECT e.nid + n.n, '$bulk' || n.n, e.room_nid, e.type, e.sender_nid, e.depth, e.origin_server_ts,
    %s + n.n, 0, e.is_outlier, e.unread_ordinal + n.n, {empty} FROM event e JOIN ({numbers}) n ON 1 = 1
WHERE e.event_id = %s
"""
_ENTRIES = """
INSERT INTO unread_entry (user_nid, room_nid, thread_nid, position, event_nid, notify, highlight,
    notify_total, highlight_total)
SELECT t.user_nid, t.room_nid, t.thread_nid, %s + n.n, e.nid + %s + n.n, 0, 1, t.notify,
    t.highlight + %s + n.n
FROM unread_total t JOIN event e ON e.event_id = %s JOIN ({numbers}) n ON 1 = 1
"""


WARM_UP = 30


class Case:
    """A room with much history, in which Bob, who has a rule of his own, has missed some messages for him."""

    def __init__(self, clients: ClientFactory, missed: int, history: int, runs: int) -> None:
        self.alice, self.bob = clients.many(2)
        self.room_id = self.alice.create_room(preset="public_chat")
        assert self.bob.change(self.room_id, "join").status == 200
        rule = {"rule_id": "cake", "enabled": True, "pattern": "cake"}
        actions = ["notify", {"set_tweak": "highlight"}]
        change_rules(
            self.bob.requester.user_nid, lambda _: {"rules": {"content": [{**rule, "actions": actions}]}}
        )
        self.noisy = [self.say() for _ in range(runs)]
        room = rooms.find(self.room_id)
        assert room is not None
        self.room_nid = room.nid
        self._talk(self.noisy[-1], history, missed)
        self.marks = [f"$bulk{1 + number * (missed - 1) // runs}" for number in range(runs)]
        if missed < runs:
            # As many as there are to read; each is followed by another that can be marked.
            self.marks = [self.say() for _ in range(runs)]

    def say(self) -> str:
        """A message with Bob's word."""
        event_id: str = self.alice.send(self.room_id, "cake").body["event_id"]
        return event_id

    def _talk(self, after: str, count: int, missed: int) -> None:
        """Many events at once, as if each had been sent, and entries for those that Bob has missed."""
        position = stream.current_position()
        empty = "x'7b7d'" if db.is_sqlite() else "'{}'::bytea"
        with db.write():
            if not db.is_sqlite():
                db.execute("SET LOCAL statement_timeout = 0")
            sql = _EVENTS.format(numbers=numbers_upto(count), empty=empty)
            db.execute(sql, (position, after))
            first = count - missed
            db.execute(_ENTRIES.format(numbers=numbers_upto(missed)), (position + first, first, first, after))
            db.execute("UPDATE unread_total SET highlight = highlight + %s", (count,))
            db.execute(
                "UPDATE room SET unread_ordinal = unread_ordinal + %s WHERE nid = %s", (count, self.room_nid)
            )
            self._move_sequences(position + count)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)" if db.is_sqlite() else "CHECKPOINT")
        self.alice.set_state(self.room_id, "m.room.topic", {"topic": "cake"})
        if first:
            self.read(f"$bulk{first}")
            self.noisy = [self.say() for _ in self.noisy]

    def _move_sequences(self, position: int) -> None:
        if db.is_sqlite():
            db.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = 'stream_log'", (position,))
            return
        db.execute("SELECT setval(pg_get_serial_sequence('stream_log', 'position'), %s)", (position,))
        db.execute("SELECT setval(pg_get_serial_sequence('event', 'nid'), (SELECT max(nid) FROM event))")

    def counts(self) -> RoomCounts:
        """What is unread."""
        return unread_counts.counts(self.bob.requester.user_nid, [self.room_nid])[self.room_nid]

    def read(self, event_id: str) -> None:
        """Bob's receipt."""
        assert self.bob.post(f"/rooms/{self.room_id}/receipt/m.read/{event_id}").status == 200

    def redact(self, event_id: str) -> None:
        """A noisy event goes."""
        assert self.alice.put(f"/rooms/{self.room_id}/redact/{event_id}/{event_id[1:12]}", {}).status == 200

    def measure(self, runs: int) -> dict[str, float]:
        """Milliseconds of everything, in the order in which it is done."""
        for _ in range(WARM_UP):
            self.say()
        before = self.counts().highlight
        found = {
            "the next message": timed([self.say] * runs),
            "the counts of a sync": timed([self.counts] * runs),
            "redacting a noisy event": timed([partial(self.redact, event_id) for event_id in self.noisy]),
        }
        assert self.counts().highlight == before, "as many were redacted as came"
        found["marking read"] = timed([partial(self.read, event_id) for event_id in self.marks])
        self.read(self.say())
        assert self.counts() == RoomCounts()
        return found


def numbers_upto(count: int) -> str:
    """SQL for the numbers from 1, as `n`."""
    if not db.is_sqlite():
        return f"SELECT generate_series(1, {count}) AS n"
    counting = f"SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}"
    return f"WITH RECURSIVE c(n) AS ({counting}) SELECT n FROM c"


def timed(calls: list[Callable[[], object]]) -> float:
    """The median of some calls in milliseconds."""
    taken = []
    for call in calls:
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def measured(missed: int, history: int, runs: int) -> dict[str, float]:
    """The figures of a database of its own."""
    databases = setup_databases(0, interactive=False)
    clear_all()
    memo.clear()
    hub.cache_clear()
    try:
        case = Case(ClientFactory(), missed, history, runs)
        print(f"{missed:,} unread: made", file=sys.stderr)
        if not db.is_sqlite():
            db.execute("ANALYZE")
        return case.measure(runs)
    finally:
        teardown_databases(databases, 0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--many", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=40)
    options = parser.parse_args()
    with settings(rate_limits={"enabled": False}, server={"name": "hearth.example"}):
        few = measured(10, options.many, options.runs)
        many = measured(options.many, options.many, options.runs)
    print(f"| what [ms] | 10 unread | {options.many:,} unread | ratio |\n|---|---:|---:|---:|")
    for what, taken in few.items():
        print(f"| {what} | {taken:.2f} | {many[what]:.2f} | {many[what] / taken:.2f} |")


if __name__ == "__main__":
    main()
