import pytest

from matrix_app.protocol.errors import BadRequest, DuplicateAnnotation
from matrix_app.protocol.relations import (
    MAIN_TIMELINE,
    Relation,
    ThreadSummary,
    bundled_aggregations,
    check_new_relation,
    latest_replacement,
    participated,
    relation_holds,
    relation_of,
    replied_to,
    thread_of,
    thread_root_of,
)
from matrix_app.protocol.room_versions import V11
from tests.factories.events import ALICE, BOB, make_event


def relates(rel_type, event_id, **others):
    return {"m.relates_to": {"rel_type": rel_type, "event_id": event_id, **others}}


def message(content=None, *, type="m.room.message", sender=ALICE, **others):
    return make_event(V11, type=type, sender=sender, content=content or {"body": "hello"}, **others)


def edit_of(original, **others):
    content = {"body": "* new", "m.new_content": {"body": "new"}, **relates("m.replace", original.event_id)}
    return message(content, **others)


def test_a_relation_has_its_type_its_parent_and_maybe_a_key():
    assert relation_of(relates("m.annotation", "$a", key="x")) == Relation("m.annotation", "$a", "x")
    assert relation_of(relates("org.example", "$a")) == Relation("org.example", "$a")
    assert relation_of(relates("m.annotation", "$a", key=3)) == Relation("m.annotation", "$a")


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"m.relates_to": "m.thread"},
        {"m.relates_to": {"rel_type": "m.thread"}},
        {"m.relates_to": {"event_id": "$a"}},
        relates(None, "$a"),
        relates("m.thread", 5),
        relates("m.thread", "not an event ID"),
        {"m.relates_to": {"m.in_reply_to": {"event_id": "$a"}}},
    ],
)
def test_what_breaks_the_schema_is_no_relation(content):
    assert relation_of(content) is None
    assert thread_root_of(content) is None


def test_replies_are_recognised_with_and_without_a_relation():
    assert replied_to({"m.relates_to": {"m.in_reply_to": {"event_id": "$a"}}}) == "$a"
    assert replied_to(relates("m.thread", "$root", **{"m.in_reply_to": {"event_id": "$b"}})) == "$b"
    assert replied_to({"m.relates_to": {"m.in_reply_to": "$a"}}) is None
    assert replied_to({}) is None


def test_threads_are_found_through_up_to_three_hops():
    contents = {
        "$in_thread": relates("m.thread", "$root"),
        "$1": relates("m.annotation", "$in_thread"),
        "$2": relates("m.reference", "$1"),
        "$3": relates("m.reference", "$2"),
        "$lost": relates("m.reference", "$unknown"),
        "$circle": relates("m.reference", "$circle"),
        "$root": {},
    }

    def thread(event_id):
        return thread_of(contents[event_id], contents.get)

    assert [thread(event_id) for event_id in ("$in_thread", "$1", "$2", "$3")] == ["$root"] * 4
    assert thread_of(relates("m.reference", "$3"), contents.get) == MAIN_TIMELINE
    assert thread("$root") == thread("$lost") == thread("$circle") == MAIN_TIMELINE
    assert thread_of(relates("m.annotation", "$root"), contents.get) == MAIN_TIMELINE


def test_an_edit_by_the_sender_holds():
    original = message()
    assert relation_holds(edit_of(original), original)


def test_an_encrypted_edit_needs_no_visible_new_content():
    original = message({"ciphertext": "x"}, type="m.room.encrypted")
    edit = message({"ciphertext": "y", **relates("m.replace", original.event_id)}, type="m.room.encrypted")
    assert relation_holds(edit, original)


@pytest.mark.parametrize(
    "others",
    [
        {"sender": BOB},
        {"type": "m.sticker"},
        {"state_key": ""},
        {"room_id": "!elsewhere:a.example"},
    ],
)
def test_an_edit_by_others_of_other_types_or_in_other_rooms_is_ignored(others):
    original = message()
    assert not relation_holds(edit_of(original, **others), original)


def test_state_events_and_edits_cannot_be_edited():
    topic = message({"topic": "x"}, type="m.room.topic", state_key="")
    assert not relation_holds(edit_of(topic, type="m.room.topic"), topic)
    edit = edit_of(message())
    assert not relation_holds(edit_of(edit), edit)


def test_an_edit_without_new_content_is_ignored():
    original = message()
    assert not relation_holds(message(relates("m.replace", original.event_id)), original)


def test_a_relation_to_another_event_does_not_hold():
    original = message()
    assert not relation_holds(edit_of(message()), original)
    assert not relation_holds(message(), original)


def test_threads_start_only_from_events_without_a_relation_type():
    reply = message({"m.relates_to": {"m.in_reply_to": {"event_id": "$a"}}})
    assert relation_holds(message(relates("m.thread", reply.event_id)), reply)
    in_thread = message(relates("m.thread", reply.event_id))
    assert not relation_holds(message(relates("m.thread", in_thread.event_id)), in_thread)


@pytest.mark.parametrize(
    ("parent", "holds"),
    [
        ({"body": "x"}, True),
        (relates("m.thread", "$a"), True),
        (relates("m.annotation", "$a", key="x"), False),
        (relates("m.replace", "$a"), False),
    ],
)
def test_annotations_and_edits_cannot_be_annotated(parent, holds):
    event = message(parent)
    reaction = message(relates("m.annotation", event.event_id, key="x"), type="m.reaction", sender=BOB)
    assert relation_holds(reaction, event) == holds


def test_an_annotation_needs_a_key():
    event = message()
    assert not relation_holds(message(relates("m.annotation", event.event_id), type="m.reaction"), event)


def test_any_event_can_be_referenced():
    topic = message({"topic": "x"}, type="m.room.topic", state_key="")
    assert relation_holds(message(relates("m.reference", topic.event_id), sender=BOB), topic)
    assert relation_holds(message(relates("org.example.vote", topic.event_id), sender=BOB), topic)


def test_the_latest_edit_is_chosen_by_time_and_then_by_event_id():
    original = message()
    older = edit_of(original, origin_server_ts=1, event_id="$z")
    newer = edit_of(original, origin_server_ts=2, event_id="$a")
    same_time = edit_of(original, origin_server_ts=2, event_id="$b")
    strangers = edit_of(original, origin_server_ts=9, sender=BOB)
    reference = message(relates("m.reference", original.event_id), origin_server_ts=10)
    assert latest_replacement(original, [older, same_time, newer, strangers, reference]) is same_time
    assert latest_replacement(original, [strangers]) is None


def test_a_client_may_not_start_a_thread_from_a_related_event():
    with pytest.raises(BadRequest) as refusal:
        check_new_relation(relates("m.thread", "$a"), relates("m.thread", "$root"))
    assert (refusal.value.status, refusal.value.errcode) == (400, "M_UNKNOWN")
    check_new_relation(relates("m.thread", "$a"), {"body": "x"})
    check_new_relation(relates("m.thread", "$a"), None)
    check_new_relation({"body": "x"}, None)


def test_a_client_may_not_annotate_twice():
    reaction = relates("m.annotation", "$a", key="x")
    with pytest.raises(DuplicateAnnotation) as refusal:
        check_new_relation(reaction, {}, annotated_already=True)
    assert (refusal.value.status, refusal.value.errcode) == (400, "M_DUPLICATE_ANNOTATION")
    check_new_relation(reaction, {})


def test_sending_the_root_or_into_the_thread_is_participation():
    assert participated(ALICE, ALICE, [])
    assert participated(BOB, ALICE, [BOB])
    assert not participated(BOB, ALICE, [ALICE])


def test_edits_threads_and_references_are_bundled():
    latest = {"event_id": "$latest"}
    edit = {"event_id": "$edit"}
    bundle = bundled_aggregations(
        replacement=edit, thread=ThreadSummary(latest, 7, True), references=["$one", "$two"]
    )
    assert bundle == {
        "m.replace": edit,
        "m.thread": {"latest_event": latest, "count": 7, "current_user_participated": True},
        "m.reference": {"chunk": [{"event_id": "$one"}, {"event_id": "$two"}]},
    }


def test_redacted_events_are_not_bundled_with_their_edits():
    assert bundled_aggregations(redacted=True, replacement={}, references=["$one"]) == {
        "m.reference": {"chunk": [{"event_id": "$one"}]}
    }


def test_without_relations_nothing_is_bundled():
    assert bundled_aggregations() == {}
    assert bundled_aggregations(thread=ThreadSummary(None, 0, False)) == {}
