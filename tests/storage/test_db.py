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

    _hang_up()
    with pytest.raises(DatabaseError):
        db.value("SELECT 1")
    close_old_connections()
    assert db.value("SELECT 1") == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a file does not hang up")
def test_a_connection_that_was_lost_meanwhile_is_replaced_before_it_is_used() -> None:
    from django.db import close_old_connections

    pid = _hang_up()
    close_old_connections()
    assert db.value("SELECT pg_backend_pid()") != pid


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a file does not hang up")
def test_a_database_that_is_cut_off_is_given_up_within_a_minute() -> None:
    db.value("SELECT 1")
    # As libpq was told, which tells the kernel where there is a network between.
    told = connection.connection.info.get_parameters()
    silence = int(told["keepalives_idle"]) + int(told["keepalives_interval"]) * int(told["keepalives_count"])
    assert silence <= 60
    assert 0 < int(told["tcp_user_timeout"]) <= 60_000


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a file does not hang up")
def test_a_connection_stays_when_the_server_only_has_something_to_say() -> None:
    from django.db import close_old_connections

    pid = db.value("SELECT pg_backend_pid()")
    db.execute("LISTEN something")
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("NOTIFY something")
    finally:
        other.close()
    close_old_connections()
    assert db.value("SELECT pg_backend_pid()") == pid


def _hang_up() -> int:
    """The server closes this thread's connection; the process that it was."""
    pid = db.value("SELECT pg_backend_pid()")
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))
    finally:
        other.close()
    return int(pid)


SERVERS = "INSERT INTO server (name) VALUES {values} ON CONFLICT DO NOTHING"


@pytest.mark.parametrize("count", [1, 5, 1201])
def test_many_rows_are_inserted(count: int) -> None:
    with db.write():
        db.insert_many(SERVERS, 1, [(f"s{number}.example",) for number in range(count)])
    assert db.value("SELECT count(*) FROM server WHERE name LIKE %s", ("s%.example",)) == count


@pytest.mark.parametrize("count", [1, 5, 1201])
def test_of_many_rows_those_are_told_that_are_new(count: int) -> None:
    names = [(f"s{number}.example",) for number in range(count)]
    with db.write():
        db.insert_many(SERVERS, 1, names[: count // 2])
        new = db.insert_many(f"{SERVERS} RETURNING name, nid", 1, [*names, *names[-1:]])
    assert [name for name, _ in new] == [name for (name,) in names[count // 2 :]]
    stored: dict[str, int] = dict(db.rows("SELECT name, nid FROM server"))
    assert all(stored[name] == nid for name, nid in new)


def test_many_rows_that_break_a_rule_are_an_integrity_error_and_none_is_kept() -> None:
    with pytest.raises(IntegrityError), db.write():
        db.insert_many("INSERT INTO server (name) VALUES {values}", 1, [("a.example",)] * 20)
    assert db.value("SELECT count(*) FROM server WHERE name = %s", ("a.example",)) == 0
