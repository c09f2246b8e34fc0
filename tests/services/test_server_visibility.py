"""What other servers see of a room."""

from __future__ import annotations

import pytest

from matrix_app.services.server_visibility import mark_hidden
from matrix_app.storage import db, interning
from matrix_app.storage.events import ERASED
from tests.factories.rooms import ALICE, BOB, StoredRoom

pytestmark = pytest.mark.django_db(transaction=True)

REMOTE = "@remote:elsewhere.example"


@pytest.mark.parametrize(
    ("visibility", "expected"),
    [
        ("world_readable", [True, True, True, True]),
        ("shared", [True, True, True, True]),
        ("invited", [False, True, True, False]),
        ("joined", [False, False, True, False]),
    ],
)
def test_a_server_sees_what_one_of_its_users_might(visibility: str, expected: list[bool]) -> None:
    room = StoredRoom(visibility=visibility)
    before = room.message(ALICE)
    room.invite(REMOTE)
    invited = room.message(ALICE)
    room.join(REMOTE)
    joined = room.message(ALICE)
    room.leave(REMOTE)
    after = room.message(ALICE)
    rows = mark_hidden([before, invited, joined, after], "elsewhere.example")
    assert [row.redacted_by_nid != ERASED for row in rows] == expected


def test_a_server_sees_its_own_leave() -> None:
    room = StoredRoom(visibility="joined", members=[REMOTE])
    leave = room.leave(REMOTE)
    assert mark_hidden([leave], "elsewhere.example") == [leave]
    (hidden,) = mark_hidden([leave], "third.example")
    assert hidden.redacted_by_nid == ERASED


def test_what_erased_users_sent_is_hidden() -> None:
    room = StoredRoom(members=[BOB, REMOTE])
    message = room.message(BOB)
    sql = (
        "INSERT INTO account (user_nid, is_admin, is_guest, created_ts, erased, terms_version)"
        " VALUES (%s, %s, %s, 0, %s, '')"
    )
    db.execute(sql, (interning.user_nid(BOB), False, False, True))
    assert mark_hidden([message], "elsewhere.example")[0].redacted_by_nid == ERASED
    assert mark_hidden([], "elsewhere.example") == []
