"""How big the tables are, and how the database is set up: figures for whoever looks after it."""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.storage import db

# Tables of more rows than this are estimated where the database can.
_COUNTED: Final = 100_000
_SQLITE_SETTINGS: Final = (
    "page_size",
    "page_count",
    "freelist_count",
    "journal_mode",
    "synchronous",
    "auto_vacuum",
    "cache_size",
)
_POSTGRESQL_SETTINGS: Final = (
    "shared_buffers",
    "work_mem",
    "maintenance_work_mem",
    "effective_cache_size",
    "max_connections",
    "synchronous_commit",
    "fsync",
    "autovacuum",
    "random_page_cost",
    "server_encoding",
    "lc_collate",
)


class TableFacts(NamedTuple):
    """Rows, maybe estimated, and bytes with indexes; None where the database does not tell."""

    rows: int
    bytes: int | None


def tables() -> dict[str, TableFacts]:
    """The tables of this version that the database has, by name."""
    from django.apps import apps

    known = sorted({model._meta.db_table for model in apps.get_models()})
    if db.is_sqlite():
        there = {name for (name,) in db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return {name: TableFacts(_count(name), None) for name in known if name in there}
    sql = (
        "SELECT relname, reltuples::bigint, pg_total_relation_size(oid) FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    )
    found = {name: (int(estimate), int(size)) for name, estimate, size in db.rows(sql)}
    return {
        name: TableFacts(found[name][0] if found[name][0] > _COUNTED else _count(name), found[name][1])
        for name in known
        if name in found
    }


def _count(table: str) -> int:
    return int(db.value(f'SELECT count(*) FROM "{table}"'))


def version() -> str:
    """The version of the database's program."""
    if db.is_sqlite():
        return str(db.value("SELECT sqlite_version()"))
    return str(db.value("SHOW server_version"))


def settings() -> dict[str, str]:
    """How the database is set up, as far as it matters for speed and safety."""
    if db.is_sqlite():
        return {name: str(db.value(f"PRAGMA {name}")) for name in _SQLITE_SETTINGS}
    sql = f"SELECT name, setting || COALESCE(unit, '') FROM pg_settings WHERE {db.in_any('name')}"
    return {name: str(value) for name, value in db.rows(sql, (db.any_of(_POSTGRESQL_SETTINGS),))}


def applied_migrations() -> set[tuple[str, str]]:
    """The migrations that were applied, by app and name."""
    return {(str(app), str(name)) for app, name in db.rows("SELECT app, name FROM django_migrations")}
