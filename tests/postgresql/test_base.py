"""How tables are emptied between tests on PostgreSQL."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection

from matrix_app.storage import db
from tests.factories.client import ClientFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL only"),
]


def rows_left() -> list[str]:
    tables = connection.introspection.django_table_names(only_existing=True)
    return [name for name in tables if db.value(f"SELECT EXISTS (SELECT 1 FROM {name})")]


def test_small_and_large_tables_are_emptied_alike(clients: ClientFactory) -> None:
    clients.make().create_room()
    with db.write():
        db.execute(
            "INSERT INTO state_key (type, state_key) SELECT 'large', n::text FROM generate_series(1, 5000) n"
        )
    assert {"state_key", "event", "matrix_user"} <= set(rows_left())
    call_command("flush", interactive=False, verbosity=0)
    assert rows_left() == []
