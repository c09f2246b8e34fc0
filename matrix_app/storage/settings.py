"""Settings that were changed on pages, as they are stored."""

from __future__ import annotations

from matrix_app.storage import db


def version() -> tuple[int, int]:
    """Changes whenever a setting is changed or reset."""
    sql = "SELECT count(*), COALESCE(max(changed_ts), 0) FROM setting"
    count, latest = db.rows(sql)[0]
    return count, latest


def all_values() -> dict[str, bytes]:
    """Every stored setting, by its whole name."""
    return {name: bytes(value) for name, value in db.rows("SELECT key, value FROM setting")}


def put(name: str, value: bytes, now: int, actor_nid: int | None) -> None:
    """Store a setting."""
    sql = (
        "INSERT INTO setting (key, value, changed_ts, changed_by_nid) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value, changed_ts = excluded.changed_ts,"
        " changed_by_nid = excluded.changed_by_nid"
    )
    db.execute(sql, (name, value, now, actor_nid))


def delete(name: str) -> bool:
    """Forget a setting; False when it was not stored."""
    return db.changed("DELETE FROM setting WHERE key = %s", (name,)) == 1
