"""Who may see which events of a room."""

from __future__ import annotations

import orjson
import pytest

from matrix_app.services.event_view import render_events
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import db, interning
from matrix_app.storage.events import EventRow
from tests.factories.rooms import ALICE, BOB, CHARLIE, StoredRoom
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)


def seen(viewer: str, *rows: EventRow, ignored: frozenset[int] | None = None) -> list[EventRow]:
    """Those of the events that the viewer may see."""
    return filter_visible(rows, interning.user_nid(viewer), ignored=ignored)


@pytest.mark.parametrize(
    ("visibility", "expected"),
    [
        ("world_readable", [True, True, True, True, True]),
        ("shared", [True, True, True, True, False]),
        ("invited", [False, True, True, True, False]),
        ("joined", [False, False, True, True, False]),
    ],
)
def test_what_a_user_sees_who_was_invited_joined_and_left(visibility: str, expected: list[bool]) -> None:
    room = StoredRoom(visibility=visibility)
    before = room.message(ALICE, "before")
    room.invite(BOB)
    invited = room.message(ALICE, "invited")
    room.join(BOB)
    joined = room.message(ALICE, "joined")
    leave = room.leave(BOB)
    after = room.message(ALICE, "after")
    rows = [before, invited, joined, leave, after]
    assert [row in seen(BOB, row) for row in rows] == expected
    assert seen(BOB, *rows) == [row for row, shown in zip(rows, expected, strict=True) if shown]


def test_without_a_setting_history_is_shared() -> None:
    room = StoredRoom()
    row = room.message(ALICE)
    assert seen(BOB, row) == []
    room.join(BOB)
    assert seen(BOB, row) == [row]


def test_the_setting_at_the_time_counts_and_not_the_one_of_today() -> None:
    room = StoredRoom(visibility="joined")
    hidden = room.message(ALICE, "hidden")
    opening = room.state("m.room.history_visibility", {"history_visibility": "world_readable"})
    open_ = room.message(ALICE, "open")
    closing = room.state("m.room.history_visibility", {"history_visibility": "joined"})
    closed = room.message(ALICE, "closed")
    assert seen(BOB, hidden, opening, open_, closing, closed) == [opening, open_, closing]


def test_who_was_banned_after_leaving_still_sees_what_was_before() -> None:
    room = StoredRoom(members=[BOB])
    before = room.message(ALICE)
    room.leave(BOB)
    between = room.message(ALICE)
    room.member(ALICE, BOB, "ban")
    assert seen(BOB, before, between) == [before]


def test_a_rejected_invite_shows_no_shared_history() -> None:
    room = StoredRoom()
    before = room.message(ALICE)
    room.invite(BOB)
    room.leave(BOB)
    assert seen(BOB, before) == []


def test_messages_of_ignored_users_are_hidden_and_their_state_is_not() -> None:
    room = StoredRoom(members=[BOB])
    message = room.message(BOB)
    name = room.state("m.room.member", {"membership": "join", "displayname": "B"}, BOB, BOB)
    content = orjson.dumps({"ignored_users": {BOB: {}}})
    sql = "INSERT INTO account_data (user_nid, room_nid, type, content, position) VALUES (%s, 0, %s, %s, 1)"
    db.execute(sql, (interning.user_nid(ALICE), "m.ignored_user_list", content))
    assert seen(ALICE, message, name) == [name]
    assert filter_visible([message], interning.user_nid(ALICE), show_ignored=True) == [message]
    assert seen(ALICE, message, ignored=frozenset()) == [message]


def test_erased_users_are_pruned_for_those_who_came_later() -> None:
    room = StoredRoom(members=[BOB])
    message = room.message(BOB, "personal")
    room.join(CHARLIE)
    sql = (
        "INSERT INTO account (user_nid, is_admin, is_guest, created_ts, erased, terms_version)"
        " VALUES (%s, %s, %s, 0, %s, '')"
    )
    db.execute(sql, (interning.user_nid(BOB), False, False, True))
    for viewer, content in ((ALICE, {"msgtype": "m.text", "body": "personal"}), (CHARLIE, {})):
        rows = seen(viewer, message)
        (event,) = render_events(rows, viewer_nid=interning.user_nid(viewer))
        assert orjson.loads(event)["content"] == content


def test_the_number_of_statements_does_not_grow_with_the_events() -> None:
    room = StoredRoom(members=[BOB])
    rows = [room.state("m.room.name", {"name": str(number)}) for number in range(30)]
    counts = []
    for some in (rows[:1], rows):
        with recorded() as found:
            seen(BOB, *some)
        counts.append(len(found))
    assert counts[1] <= counts[0]
