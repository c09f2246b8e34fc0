"""Events are indexed beside those who write, and beside others who index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from matrix_app.services import search_index
from matrix_app.storage import db
from tests.factories.client import ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)

READS_EVENTS = "FROM event WHERE nid >"


def test_events_are_read_before_others_wait_for_the_transaction(
    clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = clients.make()
    alice.send(alice.create_room(), "hello")
    within: list[bool] = []

    def look(sql: str, _params: Sequence[Any]) -> None:
        if READS_EVENTS in sql:
            within.append(db.in_transaction())

    monkeypatch.setattr(db, "statement_observer", look)
    assert not search_index.index_pending()
    assert within
    assert not any(within)


def test_what_another_process_has_indexed_meanwhile_is_not_indexed_again(
    clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = clients.make()
    alice.send(alice.create_room(), "hello")
    asked: list[str] = []

    def be_overtaken(sql: str, _params: Sequence[Any]) -> None:
        asked.append(sql)
        if READS_EVENTS in sql and sum(READS_EVENTS in one for one in asked) == 1:
            search_index.index_pending()

    monkeypatch.setattr(db, "statement_observer", be_overtaken)
    search_index.index_pending()
    assert sum(sql.startswith("INSERT INTO event_search ") for sql in asked) == 1


def test_more_events_than_fit_into_a_transaction_are_indexed_up_to_the_bound(
    clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = clients.make()
    alice.create_room()
    monkeypatch.setattr(search_index, "_BATCH", 2)
    assert search_index.index_pending(most=2)
    assert not search_index.index_pending()
