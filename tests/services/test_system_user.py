"""The server's own user."""

from __future__ import annotations

import pytest

from matrix_app.services import setup
from matrix_app.services.alerts import deliver_test
from matrix_app.services.system_user import (
    room_for_tests,
    system_account,
    system_session,
    tidy_room_for_tests,
)
from matrix_app.storage import long_tasks
from tests.factories.accounts import log_in, make_account
from tests.factories.visitor import get

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_is_made_once_and_nobody_can_sign_in_to_it() -> None:
    account = system_account()
    assert system_account() == account
    assert log_in(account).status == 403


def test_a_name_that_somebody_has_stays_theirs() -> None:
    taken = make_account("hearth")
    assert system_account().user_id != taken.user_id


def test_a_new_token_ends_the_one_before_on_the_same_device() -> None:
    first = system_session("HEARTHCHECK").access_token
    second = system_session("HEARTHCHECK").access_token
    assert get("/account/whoami", token=first).status == 401
    assert get("/account/whoami", token=second).body["user_id"] == system_account().user_id


def test_its_room_is_kept_and_tidied() -> None:
    room_id = room_for_tests()
    assert room_for_tests() == room_id
    make_account("owner", admin=True)
    tidy_room_for_tests()
    assert [row.kind for row in long_tasks.unfinished()] == ["room.purge_history"]


def test_what_is_done_regularly_makes_no_user_on_a_server_that_is_not_set_up() -> None:
    tidy_room_for_tests()
    deliver_test()
    assert setup.name_can_change()
