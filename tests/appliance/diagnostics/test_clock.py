"""What is said of the machine's clock."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from appliance.diagnostics.checks.clock import clock, judge, offset_of
from appliance.diagnostics.outside import Page
from appliance.diagnostics.result import Status
from tests.factories.outside import fake_outside
from tests.factories.settings import settings

URL = "https://peer.example/.well-known/matrix/server"


@pytest.mark.parametrize(
    ("offset", "kept", "status"),
    [
        (0.0, True, Status.OK),
        (0.0, None, Status.OK),
        (0.0, False, Status.WARN),
        (-6.0, True, Status.WARN),
        (61.0, None, Status.ERROR),
        (None, True, Status.OK),
        (None, False, Status.WARN),
        (None, None, Status.UNKNOWN),
    ],
)
def test_a_clock_is_judged_by_others_and_by_what_keeps_it(
    offset: float | None, kept: bool | None, status: Status
) -> None:
    assert judge(offset, kept).status is status


def test_a_date_of_whole_seconds_is_right_within_one_and_the_time_of_the_answer() -> None:
    page = Page(200, {"date": formatdate(1000, usegmt=True)}, b"")
    assert offset_of(page, 999.5, 1000.1) == 0.0
    assert offset_of(page, 1000.9, 1001.4) == 0.0
    assert offset_of(page, 1011.0, 1012.0) == 10.0
    assert offset_of(page, 989.0, 990.0) == -10.0
    kept = Page(200, {"date": formatdate(1000, usegmt=True), "age": "30"}, b"")
    assert offset_of(kept, 1030.2, 1030.4) == 0.0, "an answer out of a cache has the time of its making"
    assert offset_of(Page(200, {"date": "noon"}, b""), 0, 1) is None
    assert offset_of(Page(200, {}, b""), 0, 1) is None


def test_the_clock_is_compared_with_that_of_the_peer() -> None:
    with fake_outside() as net, settings(diagnostics={"federation_peer": "peer.example"}):
        net.say(URL, {}, 404, date=formatdate(time.time() - 3600, usegmt=True))
        found = clock()
        assert (found.status, "ahead of that of peer.example" in found.summary) == (Status.ERROR, True)
        assert 3590 < found.data["seconds"] < 3610
    with fake_outside() as net, settings(diagnostics={"federation_peer": ""}):
        clock()
        assert net.asked == []
