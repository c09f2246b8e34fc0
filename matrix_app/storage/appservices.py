"""Registrations of application services that were added at run time."""

from __future__ import annotations

from matrix_app.storage import db
from matrix_app.storage.clock import now_ms


def registrations() -> list[bytes]:
    """The registrations as JSON, the oldest first."""
    sql = "SELECT registration FROM appservice_registration ORDER BY created_ts, id"
    return [bytes(found[0]) for found in db.rows(sql)]


def put(service_id: str, registration: bytes) -> None:
    """Store a registration, in place of one with the same ID."""
    sql = (
        "INSERT INTO appservice_registration (id, registration, created_ts) VALUES (%s, %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET registration = excluded.registration"
    )
    db.execute(sql, (service_id, registration, now_ms()))


def remove(service_id: str) -> bool:
    """Remove a registration; whether there was one."""
    return db.changed("DELETE FROM appservice_registration WHERE id = %s", (service_id,)) == 1
