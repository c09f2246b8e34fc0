"""Statements on PostgreSQL: what goes in comes back, and each is prepared once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from matrix_app.protocol.errors import InvalidParam
from matrix_app.storage import db
from matrix_app.storage.prepared import PreparedStatements

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    if db.is_sqlite():
        pytest.skip("these statements are PostgreSQL's")


@pytest.fixture
def other() -> Iterator[psycopg.Connection]:
    """A connection beside the thread's own."""
    connection.ensure_connection()
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as made:
        yield made


def prepared_names() -> set[str]:
    """What the server has prepared for this connection."""
    return {found[0] for found in db.rows("SELECT name FROM pg_prepared_statements")}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bigint", 2**62),
        ("bigint", -1),
        ("bigint", None),
        ("boolean", True),
        ("text", "naïve 🎉"),
        ("text", ""),
        ("bytea", b"\x00\xff" * 500),
        ("double precision", 1.5),
        ("bigint[]", [1, 2**40, None]),
        ("bigint[]", list(range(-(2**40), 2**40, 2**32))),
        ("text[]", ["a", "b", None]),
        ("text[]", ["", "naïve 🎉", '{NULL,"}']),
        ("bytea[]", [b"\x00", b""]),
        ("bytea[]", [b"\x00", None]),
        ("boolean[]", [True, False]),
    ],
)
def test_a_value_comes_back_as_it_was(kind: str, value: Any) -> None:
    assert db.value(f"SELECT %s::{kind}", (value,)) == value


def test_a_list_without_anything_is_of_any_type() -> None:
    assert db.value("SELECT 1 WHERE 1::bigint = ANY(%s)", ([],)) is None


def test_a_percent_sign_is_written_twice() -> None:
    assert db.value("SELECT %s::text LIKE 'a%%'", ("abc",)) is True


def test_a_text_is_prepared_once_whatever_the_size_of_its_numbers() -> None:
    sql = "SELECT %s + 1 AS counted_once"
    before = prepared_names()
    assert [db.value(sql, (number,)) for number in (1, 70_000, 2**40)] == [2, 70_001, 2**40 + 1]
    assert len(prepared_names() - before) == 1


def test_statements_stay_prepared_when_a_transaction_is_rolled_back() -> None:
    sql = "SELECT 41 + %s"
    db.value(sql, (1,))
    before = prepared_names()
    with db.write():
        db.value(sql, (1,))
        transaction.set_rollback(True)
    assert prepared_names() >= before
    assert db.value(sql, (1,)) == 42


def test_the_statement_that_was_used_longest_ago_makes_room(other: psycopg.Connection) -> None:
    statements = PreparedStatements(other, most=3)
    for number in (1, 2, 3, 1, 4, 1, 5):
        assert statements.run(f"SELECT {number} + %s", (1,)).rows == [(number + 1,)]
    kept = {row[0] for row in other.execute("SELECT statement FROM pg_prepared_statements")}
    assert kept == {f"SELECT {number} + $1" for number in (4, 1, 5)}


def test_an_error_of_the_server_is_django_s_and_the_connection_goes_on() -> None:
    with pytest.raises(DatabaseError, match="division by zero"):
        db.value("SELECT 1 / %s", (0,))
    with pytest.raises(DatabaseError, match="nowhere"):
        db.value("SELECT 1 FROM nowhere")
    assert db.value("SELECT 1") == 1


def test_a_number_beyond_bigint_is_refused_alone_and_in_a_list() -> None:
    for kind, value in (("bigint", 2**63), ("bigint[]", [2**63])):
        with pytest.raises(DatabaseError):
            db.value(f"SELECT %s::{kind}", (value,))


def test_a_text_with_nul_is_refused_alone_and_in_a_list() -> None:
    with db.write():
        with pytest.raises(InvalidParam):
            db.value("SELECT %s::text", ("a\x00",))
        assert db.value("SELECT 1") == 1, "the transaction goes on"
        with pytest.raises(InvalidParam):
            db.value("SELECT %s::text[]", (["a\x00"],))
        assert db.value("SELECT 1") == 1, "the transaction goes on"


def test_a_connection_that_was_cut_is_replaced(other: psycopg.Connection) -> None:
    pid = db.value("SELECT pg_backend_pid()")
    other.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))
    with pytest.raises(OperationalError):
        db.value("SELECT 1")
    connection.close_if_unusable_or_obsolete()
    assert db.value("SELECT pg_backend_pid()") != pid


def test_rows_of_several_are_inserted_in_their_order() -> None:
    sql = "INSERT INTO server (name) VALUES {values} RETURNING nid, name"
    names = [f"n{number}.example" for number in range(2500)]
    made = db.insert_many(sql, 1, [(name,) for name in names])
    assert [name for _, name in made] == names
    assert [nid for nid, _ in made] == sorted(nid for nid, _ in made)
