"""Views go before syncs from the beginning, but do not keep them for ever."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from matrix_app.http.view_threads import ViewThreads, waiting_for_others
from matrix_app.http.views_first import LONGEST_SECONDS, PATIENCE_SECONDS, GivingWay, ViewsFirst
from matrix_app.storage import db


class CountedWaits(ViewsFirst):
    """Remembers for how long it was asked to wait, each time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.asked.append(seconds)
        return super().wait(seconds)


def test_who_meets_no_view_does_not_wait() -> None:
    assert ViewsFirst().wait(0)


def test_who_meets_a_view_goes_on_when_it_is_done() -> None:
    views = ViewsFirst()
    views.begin()
    views.begin()
    passed = threading.Event()

    def wait() -> None:
        views.wait(60)
        passed.set()

    threading.Thread(target=wait, daemon=True).start()
    views.end()
    assert not passed.wait(0.05)
    views.end()
    assert passed.wait(60)


def test_a_view_that_lasts_is_waited_for_a_moment_at_each_statement_and_not_for_ever() -> None:
    views = CountedWaits()
    views.begin()
    giving_way = GivingWay(views)
    began = time.monotonic()
    giving_way()
    assert time.monotonic() - began >= LONGEST_SECONDS / 2
    for _ in range(round(PATIENCE_SECONDS / LONGEST_SECONDS) + 1):
        giving_way()
    assert max(views.asked) <= LONGEST_SECONDS
    waited = len(views.asked)
    giving_way()
    assert len(views.asked) == waited


def test_a_view_is_at_work_until_it_waits_for_others_or_ends() -> None:
    views = ViewsFirst()
    free: list[bool] = []

    def view() -> None:
        free.append(views.wait(0))
        with waiting_for_others():
            free.append(views.wait(60))

    async def story() -> None:
        await ViewThreads("test", views, threads=1, waiting=1, queue=1).run(view)
        free.append(views.wait(0))

    asyncio.run(story())
    assert free == [False, True, True]


@pytest.mark.django_db
def test_work_that_gives_way_does_so_before_each_statement_but_not_within_a_transaction() -> None:
    calls: list[str] = []
    with db.before_each_statement(lambda: calls.append("paused")):
        assert db.in_transaction()
        db.value("SELECT 1")
    assert calls == []


@pytest.mark.django_db(transaction=True)
def test_work_that_gives_way_pauses_outside_of_transactions() -> None:
    calls: list[str] = []
    with db.before_each_statement(lambda: calls.append("paused")):
        db.value("SELECT 1")
        db.value("SELECT 2")
    db.value("SELECT 3")
    assert calls == ["paused", "paused"]


@pytest.mark.django_db(transaction=True)
def test_work_that_gives_way_does_not_do_so_while_others_wait_for_its_write() -> None:
    calls: list[str] = []

    def after() -> None:
        calls.append("after the commit")
        db.value("SELECT 1")

    with db.before_each_statement(lambda: calls.append("paused")):
        with db.write():
            db.on_commit(after)
        assert calls == ["after the commit"]
        db.value("SELECT 1")
    assert calls == ["after the commit", "paused"]
