"""The full-text index of messages: an FTS5 table on SQLite, a `tsvector` with a GIN index on PostgreSQL.

Words come folded (`protocol.search_words`), so both databases index and find the same. With the words
of an event goes one that stands for its room, with an underscore, which no other word has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from matrix_app.storage import db
from matrix_app.storage.events import COLUMNS, EventRow


class Entry(NamedTuple):
    """What is indexed of an event."""

    event_nid: int
    room_nid: int
    words: Sequence[str]


class Hit(NamedTuple):
    """An event that a search finds; a greater rank is a better match."""

    event_nid: int
    rank: float


def progress() -> int:
    """The last event that has been looked at."""
    return int(db.value("SELECT event_nid FROM search_progress WHERE id = 1") or 0)


def lock_progress() -> int:
    """The same, inside a write transaction, so that nobody else moves it meanwhile."""
    db.execute("INSERT INTO search_progress (id, event_nid) VALUES (1, 0) ON CONFLICT DO NOTHING")
    suffix = "" if db.is_sqlite() else " FOR UPDATE"
    return int(db.value(f"SELECT event_nid FROM search_progress WHERE id = 1{suffix}"))


def set_progress(event_nid: int) -> None:
    """Note the last event that has been looked at."""
    db.execute("UPDATE search_progress SET event_nid = %s WHERE id = 1", (event_nid,))


def events_after(event_nid: int, limit: int) -> list[EventRow]:
    """Events of any room in the order in which they came."""
    sql = f"SELECT {COLUMNS} FROM event WHERE nid > %s ORDER BY nid LIMIT %s"
    return [EventRow(*found) for found in db.rows(sql, (event_nid, limit))]


def add(entries: Iterable[Entry]) -> None:
    """Index new events."""
    rows = [(entry.event_nid, _stored([f"_{entry.room_nid}", *entry.words])) for entry in entries]
    if not rows:
        return
    if db.is_sqlite():
        db.insert_many("INSERT INTO event_search (rowid, words) VALUES {values}", 2, rows)
    else:
        sql = (
            "INSERT INTO event_search (event_nid, words)"
            " SELECT (e->>0)::bigint,"
            " array_to_tsvector(ARRAY(SELECT DISTINCT jsonb_array_elements_text(e->1)))"
            " FROM jsonb_array_elements(%s::jsonb) e ON CONFLICT DO NOTHING"
        )
        db.execute(sql, (orjson.dumps(rows).decode(),))


def _stored(words: list[str]) -> str | list[str]:
    return " ".join(words) if db.is_sqlite() else [word for word in words if word]


def remove(event_nids: Iterable[int]) -> None:
    """Forget the words of events."""
    column = "rowid" if db.is_sqlite() else "event_nid"
    db.execute(f"DELETE FROM event_search WHERE {db.in_any(column)}", (db.any_of(event_nids),))


_FIND_SQLITE = """
SELECT e.nid, -event_search.rank FROM event_search JOIN event e ON e.nid = event_search.rowid
WHERE event_search MATCH %s AND event_search.rowid <= %s AND {rooms} AND {types} AND e.redacted_by_nid IS NULL
ORDER BY event_search.rowid DESC LIMIT %s
"""
_FIND_POSTGRESQL = """
SELECT e.nid, ts_rank(s.words, %s::tsquery) FROM event_search s JOIN event e ON e.nid = s.event_nid
WHERE s.words @@ %s::tsquery AND s.event_nid <= %s AND {rooms} AND {types} AND e.redacted_by_nid IS NULL
ORDER BY s.event_nid DESC LIMIT %s
"""
# So many rooms are looked for in the index itself; more are left to the condition on the events.
_ROOMS_IN_INDEX = 200


def find(
    words: Sequence[str], room_nids: Sequence[int], types: Sequence[str], *, upto: int, limit: int
) -> list[Hit]:
    """The newest events of some rooms that have all of the words, each as a whole or as a beginning."""
    sql = (_FIND_SQLITE if db.is_sqlite() else _FIND_POSTGRESQL).replace("{rooms}", db.in_any("e.room_nid"))
    sql = sql.replace("{types}", db.in_any("e.type"))
    match = _match(words, room_nids)
    queries = (match,) if db.is_sqlite() else (match, match)
    parameters = (*queries, upto, db.any_of(room_nids), db.any_of(types), limit)
    return [Hit(*found) for found in db.rows(sql, parameters)]


def _match(words: Sequence[str], room_nids: Sequence[int]) -> str:
    rooms = [f"_{nid}" for nid in room_nids] if len(room_nids) <= _ROOMS_IN_INDEX else []
    if db.is_sqlite():
        terms = [f'"{word}" *' if _may_begin(word) else f'"{word}"' for word in words]
        if rooms:
            terms.append("(" + " OR ".join(f'"{room}"' for room in rooms) + ")")
        return " AND ".join(terms)
    terms = [f"'{word}':*" if _may_begin(word) else f"'{word}'" for word in words]
    if rooms:
        terms.append("(" + " | ".join(f"'{room}'" for room in rooms) + ")")
    return " & ".join(terms)


def _may_begin(word: str) -> bool:
    # The beginnings of very many words would have to be gone through for a letter or two.
    return len(word) >= 3
