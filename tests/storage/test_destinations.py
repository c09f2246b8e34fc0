"""What is known of servers that are sent to."""

from __future__ import annotations

import pytest

from matrix_app.storage import db, destinations

pytestmark = pytest.mark.django_db


def test_a_new_server_has_met_no_other() -> None:
    assert not destinations.any_answered()


def test_a_server_that_never_answered_is_none_that_was_met() -> None:
    with db.write():
        destinations.put_failure("far.example", 1000, 2000, 1000)
    assert not destinations.any_answered()


def test_one_that_answered_was_met() -> None:
    with db.write():
        destinations.put_success("far.example", 1000)
    assert destinations.any_answered()
