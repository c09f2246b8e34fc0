"""What is removed with time, and what stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django_q.models import Schedule

from matrix_app import schedule, tasks
from matrix_app.services.clean_up import HOUR_MS, KEPT_MS
from matrix_app.storage import db, sessions, stream, transactions
from matrix_app.storage.clock import now_ms
from tests.factories.client import ClientFactory


def test_tokens_go_long_after_they_expired(clients: ClientFactory) -> None:
    user_nid = clients.make().requester.user_nid
    with db.write():
        for name, expires in (("old", now_ms() - KEPT_MS - 1), ("new", now_ms() - 1), ("lasting", None)):
            sessions.put_token(name.encode(), user_nid, None, expires, 0)
    tasks.delete_expired()
    assert [sessions.find_token(name) is None for name in (b"old", b"new", b"lasting")] == [
        True,
        False,
        False,
    ]


def test_transaction_ids_are_forgotten_after_a_day(clients: ClientFactory) -> None:
    device_nid = clients.make().requester.device_nid
    assert device_nid is not None
    with db.write():
        for txn_id in ("old", "new"):
            transactions.put_response(device_nid, "x", txn_id, b"{}")
        sql = "UPDATE client_transaction SET created_ts = %s WHERE txn_id = 'old'"
        db.execute(sql, (now_ms() - 25 * HOUR_MS,))
    tasks.forget_transactions()
    found = [transactions.find_response(device_nid, "x", txn_id) for txn_id in ("old", "new")]
    assert found == [None, b"{}"]


def test_the_log_of_the_stream_is_cut_a_piece_at_a_time_and_keeps_its_end(clients: ClientFactory) -> None:
    with db.write():
        last = stream.append([stream.Change(stream.Kind.EVENT)] * 50)[-1]
    oldest = stream.oldest_logged()
    with db.write():
        stream.trim(keep=10, limit=5)
    assert stream.oldest_logged() == oldest + 5
    with db.write():
        stream.trim(keep=10)
    assert stream.oldest_logged() == last - 10
    assert stream.current_position() == last


@pytest.mark.django_db(transaction=True)
def test_the_schedule_is_installed_once_and_follows_changes() -> None:
    schedule.install()
    first = dict(Schedule.objects.values_list("name", "next_run"))
    entry = Schedule.objects.get(name="hearth.trim_stream")
    Schedule.objects.create(name="hearth.gone", func="matrix_app.tasks.gone")
    Schedule.objects.create(name="own", func="math.floor")
    entry.minutes, entry.next_run = 7, entry.next_run + timedelta(hours=1)
    entry.save()
    schedule.install()
    names = set(Schedule.objects.values_list("name", flat=True))
    assert names == {*first, "own"}
    assert Schedule.objects.get(name="hearth.trim_stream").minutes == 30
    assert Schedule.objects.get(name="hearth.expire_typing").next_run == first["hearth.expire_typing"]


@pytest.mark.django_db(transaction=True)
def test_every_entry_of_the_schedule_names_a_task_that_runs_with_nothing_to_do() -> None:
    for entry in schedule.entries():
        getattr(tasks, entry.task)()
