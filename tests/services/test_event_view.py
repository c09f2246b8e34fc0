"""Events as their viewers get them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from matrix_app.services.event_view import render_events, render_state
from matrix_app.storage import interning
from matrix_app.storage.events import EventRow
from tests.factories.rooms import ALICE, BOB, StoredRoom
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)


def rendered(*rows: EventRow, viewer: str = ALICE, **options: Any) -> list[dict[str, Any]]:
    """The events as the viewer reads them."""
    found = render_events(rows, viewer_nid=interning.user_nid(viewer), **options)
    return [orjson.loads(event) for event in found]


def test_a_message_comes_as_a_client_event() -> None:
    room = StoredRoom()
    row = room.message(ALICE, "hi")
    (event,) = rendered(row)
    assert event["unsigned"].pop("age") >= 0
    assert event == {
        "type": "m.room.message",
        "sender": ALICE,
        "room_id": room.room_id,
        "event_id": row.event_id,
        "origin_server_ts": row.origin_server_ts,
        "content": {"msgtype": "m.text", "body": "hi"},
        "unsigned": {"membership": "join"},
    }


def test_the_room_id_is_left_out_when_the_answer_implies_it() -> None:
    assert "room_id" not in rendered(StoredRoom().message(ALICE), include_room_id=False)[0]


def test_the_membership_is_that_of_the_viewer_at_the_event() -> None:
    room = StoredRoom()
    before = room.message(ALICE)
    invite = room.invite(BOB)
    join = room.join(BOB)
    found = [event["unsigned"]["membership"] for event in rendered(before, invite, join, viewer=BOB)]
    assert found == ["leave", "invite", "join"]


def test_a_state_event_comes_with_what_it_replaced() -> None:
    room = StoredRoom()
    first = room.state("m.room.name", {"name": "one"})
    second = room.state("m.room.name", {"name": "two"})
    one, two = rendered(first, second)
    assert "prev_content" not in one["unsigned"]
    assert two["unsigned"]["prev_content"] == {"name": "one"}
    assert two["unsigned"]["prev_sender"] == two["sender"]
    assert two["unsigned"]["replaces_state"] == first.event_id


def test_content_that_the_viewer_may_not_see_is_not_shown_as_what_was_replaced() -> None:
    room = StoredRoom(visibility="joined")
    first = room.state("m.room.topic", {"topic": "secret"})
    room.join(BOB)
    second = room.state("m.room.topic", {"topic": "open"})
    (event,) = rendered(second, viewer=BOB)
    assert "prev_content" not in event["unsigned"]
    assert event["unsigned"]["replaces_state"] == first.event_id


@pytest.mark.parametrize("version", ["10", "11"])
def test_a_redacted_event_is_pruned_and_names_its_redaction(version: str) -> None:
    room = StoredRoom(version=version)
    message = room.message(ALICE, "oops")
    assert rendered(message)[0]["content"]["body"] == "oops"
    redaction = room.redact(ALICE, message)
    (event,) = rendered(room.row(message.event_id))
    assert event["content"] == {}
    assert event["unsigned"]["redacted_by"] == redaction.event_id
    assert event["unsigned"]["redacted_because"]["redacts"] == message.event_id


def test_the_latest_valid_edit_is_bundled() -> None:
    room = StoredRoom(members=[BOB])
    message = room.message(ALICE, "one")
    latest = room.edit(ALICE, message, "three", ts=message.origin_server_ts + 2)
    room.edit(ALICE, message, "two", ts=message.origin_server_ts + 1)
    room.edit(BOB, message, "not his to edit", ts=message.origin_server_ts + 3)
    room.relate(ALICE, message, "m.replace")
    (event,) = rendered(message)
    bundled = event["unsigned"]["m.relations"]["m.replace"]
    assert bundled["event_id"] == latest.event_id
    assert bundled["content"]["m.new_content"]["body"] == "three"


def test_an_edit_that_is_redacted_falls_back_to_the_one_before() -> None:
    room = StoredRoom()
    message = room.message(ALICE, "one")
    first = room.edit(ALICE, message, "two")
    room.redact(ALICE, room.edit(ALICE, message, "three"))
    (event,) = rendered(message)
    assert event["unsigned"]["m.relations"]["m.replace"]["event_id"] == first.event_id


def test_a_redacted_event_is_not_bundled_with_its_edits() -> None:
    room = StoredRoom()
    message = room.message(ALICE, "one")
    room.edit(ALICE, message, "two")
    room.redact(ALICE, message)
    (event,) = rendered(room.row(message.event_id))
    assert "m.relations" not in event["unsigned"]


def test_references_are_bundled_in_order() -> None:
    room = StoredRoom(members=[BOB])
    message = room.message(ALICE)
    children = [room.relate(sender, message, "m.reference") for sender in (ALICE, BOB)]
    (event,) = rendered(message)
    chunk = event["unsigned"]["m.relations"]["m.reference"]["chunk"]
    assert chunk == [{"event_id": child.event_id} for child in children]


def test_a_thread_root_tells_of_its_thread() -> None:
    room = StoredRoom(members=[BOB])
    root = room.message(ALICE)
    room.relate(ALICE, root, "m.thread")
    latest = room.relate(ALICE, root, "m.thread", body="last")
    edit = room.edit(ALICE, latest, "last, edited")
    for viewer, took_part in ((ALICE, True), (BOB, False)):
        (event,) = rendered(root, viewer=viewer)
        thread = event["unsigned"]["m.relations"]["m.thread"]
        assert thread["count"] == 2
        assert thread["current_user_participated"] is took_part
        assert thread["latest_event"]["event_id"] == latest.event_id
        bundled = thread["latest_event"]["unsigned"]["m.relations"]["m.replace"]
        assert bundled["event_id"] == edit.event_id


def test_what_ignored_users_add_to_a_thread_is_left_out() -> None:
    room = StoredRoom(members=[BOB])
    root = room.message(ALICE)
    seen = room.relate(ALICE, root, "m.thread")
    room.relate(BOB, root, "m.thread")
    ignored = frozenset([interning.user_nid(BOB)])
    (event,) = rendered(root, ignored=ignored)
    thread = event["unsigned"]["m.relations"]["m.thread"]
    assert thread["count"] == 1
    assert thread["latest_event"]["event_id"] == seen.event_id


def test_who_left_sees_no_edits_from_after() -> None:
    room = StoredRoom(members=[BOB])
    message = room.message(ALICE, "one")
    room.leave(BOB)
    room.edit(ALICE, message, "two")
    (event,) = rendered(message, viewer=BOB)
    assert "m.relations" not in event["unsigned"]


def test_a_list_of_state_comes_without_what_went_before() -> None:
    room = StoredRoom()
    room.state("m.room.name", {"name": "one"})
    found = orjson.loads(render_state([room.state("m.room.name", {"name": "two"})])[0])
    assert list(found["unsigned"]) == ["age"]


def test_the_number_of_statements_does_not_grow_with_the_events() -> None:
    room = StoredRoom(members=[BOB])
    rows = []
    for number in range(12):
        message = room.message(ALICE, str(number))
        rows.append(message)
        room.edit(ALICE, message, "edited")
        room.relate(BOB, message, "m.thread")
        rows.append(room.state("m.room.name", {"name": str(number)}))
        room.redact(ALICE, room.message(ALICE, "gone"))
    counts = []
    for some in (rows[2:4], rows):
        with recorded() as seen:
            rendered(*some)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_events_that_are_bundled_come_in_the_form_of_others() -> None:
    room = StoredRoom(members=[BOB])
    root = room.message(ALICE, "root")
    room.edit(ALICE, root, "changed")
    latest = room.relate(BOB, root, "m.thread")
    shown, alone = rendered(root, latest, viewer=BOB)
    relations = shown["unsigned"]["m.relations"]
    for bundled in (relations["m.replace"], relations["m.thread"]["latest_event"]):
        assert bundled["unsigned"]["membership"] == "join"
    for event in (alone, relations["m.thread"]["latest_event"]):
        event["unsigned"].pop("age")
    assert relations["m.thread"]["latest_event"] == alone
