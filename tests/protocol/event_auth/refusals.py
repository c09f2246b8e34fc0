"""What the tests of event authorisation share: ranges of versions, and the refusal with its reason."""

import re

import pytest

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth import check_event, check_state_dependent
from matrix_app.protocol.events import Event, StateMap
from matrix_app.protocol.room_versions import ROOM_VERSIONS


def versions(first: int = 1, last: int = 12) -> list[str]:
    """The identifiers of the stable versions from `first` to `last`."""
    return [version for version in ROOM_VERSIONS if first <= int(version) <= last]


def assert_refused(event: Event, state: StateMap, because: str | None) -> None:
    """Both the check against the state alone and the whole check refuse the event, for this reason."""
    for check in (check_state_dependent, check_event):
        with pytest.raises(AuthorizationFailed, match=re.escape(because) if because else None):
            check(event, state)


def assert_verdict(event: Event, state: StateMap, allowed: bool) -> None:
    """Both checks allow the event, or both refuse it."""
    if allowed:
        check_event(event, state)
    else:
        assert_refused(event, state, None)
