"""What a phone is to be told arrives, whatever breaks on the way."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from matrix_app.push import delivery, payload, pump, routing
from matrix_app.services import push_outcomes
from matrix_app.storage import events
from tests.factories.client import ClientFactory
from tests.factories.pushing import pushing
from tests.factories.sending import wait_until
from tests.push.test_pump import Talk, waiting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "BADGE_SECONDS", 0.05)
    monkeypatch.setattr(pump, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(pump, "SWEEP_SECONDS", 0.1)
    monkeypatch.setattr(delivery, "FIRST_RETRY_MS", 50)


@pytest.fixture
def talk(clients: ClientFactory) -> Talk:
    return Talk(clients)


def test_a_count_that_a_gateway_did_not_take_is_told_when_it_is_back(talk: Talk) -> None:
    with pushing(talk.gateway):
        event_id = talk.mention()
        wait_until(lambda: talk.gateway.events)
        talk.gateway.is_down = True
        attempts = talk.gateway.attempts
        talk.read(event_id)
        wait_until(lambda: talk.gateway.attempts > attempts)
        talk.gateway.is_down = False
        # Nothing else happens that would bring anybody back to it.
        wait_until(lambda: talk.gateway.badges == [0])


def test_a_notification_that_cannot_be_made_holds_up_none_after_it(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = payload.notification

    def notification(to: Any, row: Any, *args: Any) -> Any:
        if events.parse(row).content.get("body") == "bad":
            raise ValueError("a fault")
        return real(to, row, *args)

    monkeypatch.setattr(delivery, "notification", notification)
    with structlog.testing.capture_logs() as logged, pushing(talk.gateway):
        talk.mention("bad")
        talk.mention("good")
        wait_until(lambda: "good" in talk.gateway.texts())
    assert waiting(talk.bob) == 0
    assert talk.gateway.texts() == ["good"]
    assert any(line["event"] == "a notification cannot be made" for line in logged)


def test_an_event_that_cannot_be_judged_holds_up_none_after_it(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = push_outcomes.judge

    def judge(room: Any, event: Any) -> Any:
        if event.content.get("body") == "bad":
            raise ValueError("a fault")
        return real(room, event)

    monkeypatch.setattr(routing, "judge", judge)
    with structlog.testing.capture_logs() as logged, pushing(talk.gateway):
        talk.mention("bad")
        talk.mention("good")
        wait_until(lambda: talk.gateway.texts() == ["good"])
    assert any(line["event"] == "an event cannot be judged for pushes" for line in logged)


def test_a_pusher_that_breaks_is_logged_and_tried_again(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    real, faults = delivery.next_job, [ValueError("a fault")]

    def next_job(pusher_nid: int) -> Any:
        if faults:
            raise faults.pop()
        return real(pusher_nid)

    monkeypatch.setattr(delivery, "next_job", next_job)
    with structlog.testing.capture_logs() as logged, pushing(talk.gateway):
        talk.mention("look")
        wait_until(lambda: talk.gateway.texts() == ["look"])
    assert any(line["event"] == "cannot push" for line in logged)
