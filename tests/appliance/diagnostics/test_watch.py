"""When checks run by themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from appliance.diagnostics import background, watch
from tests.factories.accounts import make_account
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)


def test_checks_begin_once_there_is_an_administrator_and_not_where_they_are_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[Callable[[], None]] = []
    monkeypatch.setattr(watch, "begin", begun.append)
    watch.look_by_schedule()
    assert not begun, "a server that is not set up has nobody to tell"
    make_account("owner", admin=True)
    with settings(diagnostics={"enabled": False}):
        watch.look_by_schedule()
    assert not begun
    watch.look_by_schedule()
    assert len(begun) == 1


def test_a_run_that_is_under_way_does_for_a_second_one() -> None:
    go_on = threading.Event()

    def wait() -> None:
        go_on.wait(5)

    first = background.begin(wait)
    assert first is not None
    assert background.begin(lambda: None) is None
    go_on.set()
    first.join(5)
    again = background.begin(lambda: None)
    assert again is not None
    again.join(5)
