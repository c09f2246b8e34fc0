"""What is told of a copy of the database, read from the copy or from the very snapshot it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Query = Callable[[str], list[tuple[Any, ...]]]

# Of other use than data: the queue of tasks, which begins anew with every server, and what is made again.
_NOT_COUNTED = frozenset({"django_q_ormq", "django_q_task", "django_q_schedule"})


class Facts(NamedTuple):
    """Rows by table, the migrations that were applied, and the last position of the stream."""

    counts: dict[str, int]
    migrations: list[tuple[str, str]]
    stream_position: int


def counted_tables(query: Query, *, is_sqlite: bool) -> list[str]:
    """The tables whose rows are counted, in order; those of this version that the database has."""
    from django.apps import apps

    sql = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if is_sqlite
        else "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    )
    known = {model._meta.db_table for model in apps.get_models()} - _NOT_COUNTED
    return sorted(known & {name for (name,) in query(sql)})


def read(query: Query, *, is_sqlite: bool, tables: list[str]) -> Facts:
    """The facts, asked by `query`, which runs one statement."""
    counts = {table: int(query(f'SELECT count(*) FROM "{table}"')[0][0]) for table in tables}
    applied = query("SELECT app, name FROM django_migrations ORDER BY app, name")
    return Facts(counts, [(app, name) for app, name in applied], stream_position(query, is_sqlite=is_sqlite))


def stream_position(query: Query, *, is_sqlite: bool) -> int:
    """The last position that was given out."""
    if is_sqlite:
        found = query("SELECT seq FROM sqlite_sequence WHERE name = 'stream_log'")
        return int(found[0][0]) if found else 0
    return int(query("SELECT COALESCE(max(position), 0) FROM stream_log")[0][0])


class MediaWanted(NamedTuple):
    """A file that the media store has: its name, size, and SHA-256, which is not known of thumbnails."""

    location: str
    size: int
    sha256: str | None


def media_wanted(query: Query) -> Iterator[MediaWanted]:
    """The files that the media store has by this database."""
    for location, size, sha256 in query("SELECT location, size, sha256 FROM media_file WHERE location <> ''"):
        yield MediaWanted(location, int(size), bytes(sha256).hex())
    for location, size in query("SELECT location, size FROM media_thumbnail WHERE location <> ''"):
        yield MediaWanted(location, int(size), None)


def owner_domain(query: Query) -> str | None:
    """The name of the server that the database belongs to; None while it has no users."""
    found = query("SELECT u.user_id FROM account a JOIN matrix_user u ON u.nid = a.user_nid LIMIT 1")
    return found[0][0].partition(":")[2] if found else None
