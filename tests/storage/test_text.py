"""Text that one of the databases cannot store."""

from __future__ import annotations

import pytest

from matrix_app.protocol.errors import InvalidParam
from matrix_app.storage import db


@pytest.mark.django_db
def test_nul_is_refused_where_it_cannot_be_stored_and_the_transaction_goes_on() -> None:
    text = "a\0b"
    if db.is_sqlite():
        assert db.value("SELECT %s", (text,)) == text
        return
    with db.write():
        with pytest.raises(InvalidParam):
            db.value("SELECT %s::text", (text,))
        assert db.value("SELECT 1") == 1
