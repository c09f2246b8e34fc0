"""The content of redacted events is kept for moderators for a while, and not longer."""

from __future__ import annotations

from importlib import import_module

import orjson
import pytest
from django.db import connection

from matrix_app import tasks
from matrix_app.services.event_view import render_events
from matrix_app.services.pdus import pdu_of
from matrix_app.storage import db, events, interning
from matrix_app.storage.clock import now_ms
from matrix_app.storage.events import EventRow, NewEvent, Status
from tests.factories.rooms import ALICE, StoredRoom
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)

DAY_MS = 24 * 3_600_000


def redacted_days_ago(days: float) -> tuple[StoredRoom, EventRow]:
    """A message that was redacted so many days ago, as it is stored then."""
    room = StoredRoom()
    row = room.message(ALICE, "secret")
    room.redact(ALICE, row)
    with db.write():
        db.execute("UPDATE redacted_content SET redacted_ts = %s", (now_ms() - int(days * DAY_MS),))
    return room, room.row(row.event_id)


def stored(row: EventRow) -> bytes:
    """What the database has of an event."""
    return bytes(db.value("SELECT json FROM event WHERE nid = %s", (row.nid,)))


def shown(row: EventRow) -> dict[str, object]:
    """The event as its sender sees it, without its age."""
    (text,) = render_events([row], viewer_nid=interning.user_nid(ALICE))
    found: dict[str, object] = orjson.loads(text)
    found.pop("unsigned")
    return found


def test_it_is_kept_as_long_as_the_configuration_says() -> None:
    _, row = redacted_days_ago(6.9)
    tasks.forget_redacted()
    assert b"secret" in stored(row)
    assert events.parse(row).content["body"] == "secret"


def test_afterwards_the_database_has_nothing_of_it() -> None:
    _, row = redacted_days_ago(7.1)
    tasks.forget_redacted()
    assert b"secret" not in stored(row)
    assert db.value("SELECT count(*) FROM redacted_content") == 0


def test_nobody_notices_it_who_saw_the_event_redacted() -> None:
    room, row = redacted_days_ago(8)
    before = shown(row), pdu_of(row)
    tasks.forget_redacted()
    again = room.row(row.event_id)
    assert (shown(again), pdu_of(again)) == before
    assert events.parse(again).event_id == row.event_id
    assert events.parse(again).content == {}


def test_no_days_keep_nothing() -> None:
    _, row = redacted_days_ago(0.001)
    with settings(retention={"deleted_content_days": 0}):
        tasks.forget_redacted()
    assert b"secret" not in stored(row)


def test_what_nobody_redacted_stays() -> None:
    room = StoredRoom()
    row = room.message(ALICE, "for all to read")
    room.redact(ALICE, room.message(ALICE, "secret"))
    with settings(retention={"deleted_content_days": 0}):
        tasks.forget_redacted()
    assert b"for all to read" in stored(row)


def test_more_than_a_batch_goes_in_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    from matrix_app.services import forget_redacted

    monkeypatch.setattr(forget_redacted, "BATCH", 2)
    room = StoredRoom()
    rows = [room.message(ALICE, f"secret {number}") for number in range(5)]
    for row in rows:
        room.redact(ALICE, row)
    with settings(retention={"deleted_content_days": 0}):
        with db.write():
            db.execute("UPDATE redacted_content SET redacted_ts = redacted_ts - 1")
        assert forget_redacted.forget_redacted() == 5
    assert not any(b"secret" in stored(row) for row in rows)


def test_an_event_that_comes_again_does_not_bring_it_back() -> None:
    room, row = redacted_days_ago(8)
    whole = events.parse(row)
    again = NewEvent(
        event=whole,
        json=stored(row),
        room_nid=row.room_nid,
        key_nid=None,
        sender_nid=row.sender_nid,
        position=row.position,
        status=Status.NORMAL,
        is_outlier=False,
        state_nid=None,
        thread_root_nid=None,
        unread_ordinal=0,
    )
    tasks.forget_redacted()
    with db.write():
        events.promote(row.nid, again)
    assert b"secret" not in stored(room.row(row.event_id))


def test_the_time_of_what_was_redacted_before_the_upgrade_begins_with_it() -> None:
    _, row = redacted_days_ago(8)
    with db.write():
        db.execute("DELETE FROM redacted_content")
    began = now_ms()
    with connection.schema_editor() as editor:
        import_module("matrix_app.storage.migrations.0048_redacted_content").note_redacted(None, editor)
    (found,) = db.rows("SELECT event_nid, redacted_ts FROM redacted_content")
    assert found[0] == row.nid
    assert began <= found[1] <= now_ms()
