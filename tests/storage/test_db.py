"""Errors of the database, whichever it is, are Django's."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, connection

from matrix_app.storage import db

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_wrong_statement_is_a_database_error() -> None:
    with pytest.raises(DatabaseError):
        db.execute("SELECT nothing FROM nowhere")


def test_a_broken_rule_of_a_table_is_an_integrity_error() -> None:
    insert = "INSERT INTO server (name) VALUES (%s)"
    db.execute(insert, ("twice.example",))
    with pytest.raises(IntegrityError), db.write():
        db.execute(insert, ("twice.example",))


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a file does not hang up")
def test_a_connection_that_was_lost_is_replaced() -> None:
    from django.db import close_old_connections

    pid = db.value("SELECT pg_backend_pid()")
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", (pid,))
    finally:
        other.close()
    with pytest.raises(DatabaseError):
        db.value("SELECT 1")
    close_old_connections()
    assert db.value("SELECT 1") == 1
