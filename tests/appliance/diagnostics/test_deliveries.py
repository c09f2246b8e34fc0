"""What the checks say of bridges and notifications."""

from __future__ import annotations

import orjson
import pytest

from appliance.diagnostics.checks.work import bridges, push
from appliance.diagnostics.result import Status
from matrix_app.services import appservice_admin
from matrix_app.storage import appservice_queue, db, pushers
from tests.factories.bridges import registration
from tests.factories.client import ClientFactory
from tests.factories.pushing import add_pusher

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_bridge_that_takes_nothing_is_an_error_and_a_paused_one_a_warning() -> None:
    assert bridges().status is Status.OK
    appservice_admin.add(orjson.dumps(registration("late", "t")).decode())
    assert bridges().status is Status.OK
    with db.write():
        appservice_queue.failed("late", "no answer", 1)
    assert bridges().status is Status.OK, "it has only just failed"
    with db.write():
        db.execute("UPDATE appservice_progress SET failing_since_ts = 1")
    found = bridges()
    assert found.status is Status.ERROR
    assert "late takes nothing: no answer" in found.summary
    with db.write():
        db.execute("UPDATE appservice_progress SET failing_since_ts = NULL")
    appservice_admin.set_paused("late", True)
    assert bridges().status is Status.WARN


def test_pushers_that_fail_for_long_are_a_warning(clients: ClientFactory) -> None:
    alice = clients.make()
    add_pusher(alice)
    [pusher] = pushers.of_user(alice.requester.user_nid)
    with db.write():
        pushers.set_failed(pusher.nid, "it took too long", 1, 2)
    found = push()
    assert found.status is Status.WARN
    assert "1 pushers have failed for an hour or more: it took too long" in found.summary
    with db.write():
        pushers.set_told(pusher.nid, 5, 0, 3)
    assert push().status is Status.OK
