"""What ends at a boundary, and what goes through it."""

from __future__ import annotations

import pytest
from django.db import InterfaceError, OperationalError
from structlog.testing import capture_logs

from matrix_app.protocol.errors import NotFound, RemoteUnreachable, Unavailable
from matrix_app.services.boundary import Boundary


def test_a_fault_of_our_own_is_logged_and_kept_and_what_follows_goes_on() -> None:
    fault = KeyError("x")
    with capture_logs() as logged, Boundary("an event cannot be judged", event_id="$x") as boundary:
        raise fault
    assert boundary.fault is fault
    (line,) = logged
    assert line == {
        "event": "an event cannot be judged",
        "event_id": "$x",
        "exc_info": fault,
        "log_level": "error",
    }


def test_an_error_that_nobody_within_has_answered_is_a_fault_too() -> None:
    with Boundary("x") as boundary:
        raise NotFound("nothing")
    assert isinstance(boundary.fault, NotFound)


def test_nothing_is_logged_where_nothing_is_wrong() -> None:
    with capture_logs() as logged, Boundary("x") as boundary:
        pass
    assert boundary.fault is None
    assert logged == []


@pytest.mark.parametrize(
    "passing", [Unavailable("busy"), OperationalError("away"), InterfaceError("away"), KeyboardInterrupt()]
)
def test_what_is_passing_goes_through(passing: BaseException) -> None:
    with capture_logs() as logged, pytest.raises(type(passing)), Boundary("x"):
        raise passing
    assert logged == []


def test_what_the_caller_names_goes_through_as_well() -> None:
    with pytest.raises(RemoteUnreachable), Boundary("x", passing=(RemoteUnreachable,)):
        raise RemoteUnreachable("silent")
