"""A clock that was ahead for a while keeps nothing waiting."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import Schedule

from matrix_app import schedule
from matrix_app.services import timer as timers
from matrix_app.services import wrong_clock
from matrix_app.storage import db, destinations, interning, long_tasks, outbound, outbound_refusals, staging
from matrix_app.storage.clock import now_ms
from matrix_app.storage.staging import NewPdu
from tests.factories.sending import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

YEAR = 365 * 24 * 3_600_000


def put_off(until: int) -> int:
    """A server that is behind, silent and refuses, and an event of it that waits; the server's nid."""
    nid = interning.server_nid("far.example")
    with db.write():
        outbound.put_sent({nid: (0, True)})
        destinations.put_failure("far.example", now_ms(), until, 10_000)
        outbound_refusals.put(nid, 1, until, "not you")
        staging.add([NewPdu(1, nid, "$event", b"{}", now_ms(), needs_asking=True)])
        staging.postpone([row[0] for row in db.rows("SELECT nid FROM staged_pdu")], until)
        long_tasks.put("test", "A task", b"{}", None, now_ms())
        db.execute("UPDATE long_task SET heartbeat_ts = %s", (until,))
    return nid


def test_what_was_put_off_for_years_is_due_now() -> None:
    nid = put_off(now_ms() + YEAR)
    assert wrong_clock.mend() == 4
    assert [due.server_nid for due in outbound.due(now_ms(), 10)] == [nid]
    assert [asking.origin_nid for asking in staging.to_ask(now_ms(), 10)] == [nid]
    assert db.value("SELECT heartbeat_ts FROM long_task") <= now_ms()
    assert wrong_clock.mend() == 0


def test_what_is_put_off_as_usual_stays_so() -> None:
    put_off(now_ms() + 60_000)
    assert wrong_clock.mend() == 0
    assert outbound.due(now_ms(), 10) == []
    assert staging.to_ask(now_ms(), 10) == []


def test_the_schedule_does_not_wait_for_a_time_that_is_far_ahead() -> None:
    schedule.install()
    names = sorted(Schedule.objects.values_list("name", flat=True))
    Schedule.objects.update(next_run=timezone.now())
    Schedule.objects.filter(name=names[0]).update(next_run=timezone.now() + timedelta(days=400))
    assert wrong_clock.mend() == 1
    assert Schedule.objects.filter(next_run__gt=timezone.now()).count() == 0


def test_a_worker_looks_from_its_start_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_clock, "LOOK_SECONDS", 0.02)
    looks = []
    monkeypatch.setattr(wrong_clock, "mend", lambda: looks.append(1))
    stop = wrong_clock.watch()
    try:
        wait_until(lambda: len(looks) >= 3)
    finally:
        stop()
        timers.timer.clear()
