"""Leaving servers alone that do not answer."""

from __future__ import annotations

from itertools import pairwise

import pytest

from matrix_app.federation.backoff import StoredBackoff, heard_from, is_news, next_interval
from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.storage import destinations
from matrix_app.storage.destinations import UNKNOWN, Health

NAME = "a.example"
HOUR = 3_600_000


class Time:
    """A clock in milliseconds."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.mark.django_db
def test_a_server_that_failed_is_left_alone_longer_each_time() -> None:
    time = Time()
    backoff = StoredBackoff(time)
    assert backoff.check(NAME) == UNKNOWN
    waits = []
    for _ in range(12):
        backoff.failed(NAME)
        with pytest.raises(RemoteUnreachable) as caught:
            backoff.check(NAME)
        assert caught.value.retry_at_ts is not None
        waits.append(caught.value.retry_at_ts - time.now)
        time.now = caught.value.retry_at_ts
        assert backoff.check(NAME).failing_since_ts == 1_700_000_000_000
    assert 8_000 <= waits[0] <= 10_000
    assert all(later > earlier for earlier, later in pairwise(waits[:7]))
    assert 0.8 * HOUR <= waits[-1] <= HOUR


@pytest.mark.django_db
def test_requests_that_fail_together_count_once() -> None:
    backoff = StoredBackoff(Time())
    for _ in range(5):
        backoff.failed(NAME)
    assert destinations.health(NAME).interval_ms <= 10_000


@pytest.mark.django_db
def test_those_who_insist_are_let_through() -> None:
    backoff = StoredBackoff(Time())
    backoff.failed(NAME)
    assert backoff.check(NAME, even_if_failing=True).failing_since_ts is not None


@pytest.mark.django_db
def test_a_success_ends_it_at_once() -> None:
    time = Time()
    backoff = StoredBackoff(time)
    backoff.failed(NAME)
    backoff.succeeded(NAME)
    assert backoff.check(NAME) == Health(None, 0, 0, time.now)


@pytest.mark.django_db
def test_a_request_of_the_server_ends_it_at_once() -> None:
    assert not heard_from(NAME)
    StoredBackoff().failed(NAME)
    assert [name for name, _ in destinations.failing(10)] == [NAME]
    assert heard_from(NAME)
    assert not heard_from(NAME)
    assert destinations.failing(10) == []
    StoredBackoff().check(NAME)


def test_intervals_differ_so_that_servers_are_not_all_asked_at_once() -> None:
    assert len({next_interval(100_000) for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("health", "news"),
    [
        (UNKNOWN, True),
        (Health(1, 2, 3, 1_000_000), True),
        (Health(None, 0, 0, 1_000_000), False),
        (Health(None, 0, 0, 999_999 - HOUR), True),
    ],
)
def test_a_success_is_written_only_now_and_then(health: Health, news: bool) -> None:
    assert is_news(health, 1_000_000) is news
