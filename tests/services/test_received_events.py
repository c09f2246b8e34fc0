"""Events of other servers: what becomes of them, and of the state of the room."""

import pytest

from matrix_app.protocol.events import Event
from matrix_app.protocol.redaction import redact
from matrix_app.services.outliers import store_outliers
from matrix_app.services.received_events import MissingEventsError, store_received
from matrix_app.services.room_history import known_state
from matrix_app.storage import events, extremities, members
from matrix_app.storage.cache import clear_all
from matrix_app.storage.events import Status
from matrix_app.storage.members import Membership
from tests.factories.events import ALICE, BOB, CAROL, RoomBuilder
from tests.factories.fake_peers import SignedRoom
from tests.factories.remote_rooms import ZOE, JoinedRoom, fresh, row_of, snapshot_is_present_state

pytestmark = pytest.mark.django_db(transaction=True)

TOPIC = ("m.room.topic", "")
VERSIONS = ["1", "2", "6", "10", "11", "12"]


def _room(version: str = "10") -> JoinedRoom:
    builder = RoomBuilder.opened(version, power_levels={"users": {BOB: 50}})
    builder.join(BOB)
    builder.join(CAROL)
    return JoinedRoom(builder)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_room_begins_with_the_state_that_it_was_joined_with(version: str) -> None:
    room = _room(version)
    assert room.state() == {key: event.event_id for key, event in room.builder.state.items()}
    assert room.extremities() == {room.builder.heads[0].event_id}
    assert snapshot_is_present_state(room.identity)
    assert sorted(members.servers_in(room.identity.nid)) == [
        "a.example",
        "b.example",
        "c.example",
        "hearth.example",
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_messages_and_state_that_follow_one_another_are_stored(version: str) -> None:
    room = _room(version)
    message = room.builder.message(BOB)
    topic = room.builder.send("m.room.topic", BOB, {"topic": "tea"}, state_key="")
    assert [room.receive(message), room.receive(topic)] == [Status.NORMAL, Status.NORMAL]
    assert room.state()[TOPIC] == topic.event_id
    assert room.extremities() == {topic.event_id}
    assert row_of(message).position is not None
    assert snapshot_is_present_state(room.identity)


def test_an_event_is_taken_once() -> None:
    room = _room()
    message = room.builder.message(BOB)
    assert room.receive(message) == Status.NORMAL
    position = row_of(message).position
    assert room.receive(message) is None
    assert row_of(message).position == position


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_forks_are_resolved_and_merged(version: str) -> None:
    room = _room(version)
    other = room.builder.fork()
    low = room.builder.send("m.room.topic", BOB, {"topic": "low"}, state_key="", origin_server_ts=1)
    high = other.send("m.room.topic", ALICE, {"topic": "high"}, state_key="", origin_server_ts=2)
    room.receive(low)
    room.receive(high)
    assert room.extremities() == {low.event_id, high.event_id}
    assert room.state()[TOPIC] == high.event_id
    assert snapshot_is_present_state(room.identity)
    room.builder.heads = [low, high]
    merge = room.builder.message(ALICE)
    assert room.receive(merge) == Status.NORMAL
    assert room.extremities() == {merge.event_id}
    assert room.state()[TOPIC] == high.event_id


def test_an_event_on_a_fork_that_changes_nothing_leaves_the_state_alone() -> None:
    room = _room()
    other = room.builder.fork()
    room.receive(room.builder.message(BOB))
    before = room.state()
    assert room.receive(other.message(CAROL)) == Status.NORMAL
    assert room.state() == before
    assert len(room.extremities()) == 2


def test_what_the_rules_refuse_is_rejected_and_changes_nothing() -> None:
    room = _room()
    before, extremities = room.state(), room.extremities()
    topic = room.builder.make("m.room.topic", CAROL, {"topic": "mine"}, state_key="")
    assert room.receive(topic) == Status.REJECTED
    assert (room.state(), room.extremities()) == (before, extremities)
    assert row_of(topic).position is None


def test_what_follows_a_rejected_event_is_judged_without_it() -> None:
    room = _room()
    topic = room.builder.make("m.room.topic", CAROL, {"topic": "mine"}, state_key="")
    room.receive(topic)
    room.builder.heads = [topic]
    message = room.builder.message(BOB)
    assert room.receive(message) == Status.NORMAL
    assert TOPIC not in room.state()
    assert room.extremities() == {message.event_id}


def test_what_evades_a_ban_fails_softly_and_comes_back_when_others_name_it() -> None:
    room = _room()
    evading = room.builder.fork()
    ban = room.builder.ban(ALICE, BOB)
    room.receive(ban)
    topic = evading.send("m.room.topic", BOB, {"topic": "evil"}, state_key="")
    assert room.receive(topic) == Status.SOFT_FAILED
    assert TOPIC not in room.state()
    assert room.extremities() == {ban.event_id}
    room.builder.heads = [ban, topic]
    merge = room.builder.message(ALICE)
    assert room.receive(merge) == Status.NORMAL
    assert room.extremities() == {merge.event_id}
    assert TOPIC not in room.state()


def test_an_extremity_that_is_reached_through_a_soft_failed_event_is_none_any_more() -> None:
    room = _room()
    evading = room.builder.fork()
    room.receive(room.builder.message(CAROL))
    ban = room.builder.ban(ALICE, BOB)
    room.receive(ban)
    evading.heads = [ban]
    soft = evading.message(BOB)
    # Judged by a state in which Bob is there still, as on a server that has not seen the ban.
    assert room.receive(soft) == Status.REJECTED
    room.builder.heads = [soft]
    after = room.builder.message(ALICE)
    room.receive(after)
    assert room.extremities() == {after.event_id}


def test_an_event_without_predecessors_is_rejected() -> None:
    room = _room()
    message = room.builder.make("m.room.message", ALICE, {"body": "first"}, prev_events=[])
    assert room.receive(message) == Status.REJECTED


def test_events_that_name_what_is_missing_are_not_stored() -> None:
    room = _room()
    missing = room.builder.message(BOB)
    later = room.builder.message(BOB)
    with pytest.raises(MissingEventsError) as raised:
        room.receive(later)
    assert raised.value.previous == [missing.event_id]


def test_a_room_keeps_its_latest_extremities_only() -> None:
    room = _room()
    start = room.builder.fork()
    for number in range(30):
        room.receive(start.fork().message(BOB, f"branch {number}"))
    assert len(room.extremities()) == 20


def test_memberships_follow_the_state_of_forks() -> None:
    room = _room()
    other = room.builder.fork()
    room.receive(room.builder.message(ALICE))
    room.receive(other.kick(ALICE, CAROL))
    user = next(row for row in members.in_room(room.identity.nid, [Membership.LEAVE]))
    assert user.membership == Membership.LEAVE
    assert "c.example" not in members.servers_in(room.identity.nid)


def test_a_redaction_that_comes_first_is_applied_when_its_target_comes() -> None:
    room = _room()
    other = room.builder.fork()
    message = room.builder.message(CAROL)
    redaction = other.send("m.room.redaction", ALICE, {}, redacts=message.event_id)
    assert room.receive(redaction) == Status.SOFT_FAILED
    room.receive(message)
    assert row_of(message).redacted_by_nid == row_of(redaction).nid
    # Clients are not shown it before they can be shown what it redacts.
    assert row_of(redaction).status == Status.NORMAL


def test_a_redaction_stays_hidden_whose_target_turns_out_to_be_anothers() -> None:
    room = _room()
    other = room.builder.fork()
    message = room.builder.message(ALICE)
    redaction = other.send("m.room.redaction", CAROL, {}, redacts=message.event_id)
    room.receive(redaction)
    room.receive(message)
    assert row_of(message).redacted_by_nid is None
    assert row_of(redaction).status == Status.SOFT_FAILED


def test_what_evades_a_ban_does_not_redact_what_comes_later() -> None:
    room = _room()
    cleo = "@cleo:c.example"
    room.receive(room.builder.join(cleo))
    evading, late = room.builder.fork(), room.builder.fork()
    message = late.message(cleo)
    room.receive(room.builder.ban(ALICE, CAROL))
    redaction = evading.send("m.room.redaction", CAROL, {}, redacts=message.event_id)
    assert room.receive(redaction) == Status.SOFT_FAILED
    assert room.receive(message) == Status.NORMAL
    assert row_of(message).redacted_by_nid is None
    assert row_of(redaction).status == Status.SOFT_FAILED


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_first_versions_rules_settle_what_a_redaction_may_do(version: str) -> None:
    room = _room(version)
    redaction = room.builder.send("m.room.redaction", ALICE, {}, redacts="$unknown:c.example")
    assert room.receive(redaction) == Status.NORMAL


def test_an_event_that_was_known_as_an_outlier_gets_its_place() -> None:
    room = _room()
    topic = room.builder.send("m.room.topic", BOB, {"topic": "tea"}, state_key="")
    store_outliers(room.identity, [fresh(topic)])
    assert row_of(topic).is_outlier
    assert room.receive(topic) == Status.NORMAL
    assert not row_of(topic).is_outlier
    assert room.state()[TOPIC] == topic.event_id


def test_a_local_member_who_is_banned_elsewhere_is_out() -> None:
    room = _room()
    room.receive(room.builder.ban(ALICE, ZOE))
    assert [row.is_local for row in members.in_room(room.identity.nid, [Membership.BAN])] == [True]


def test_who_has_lost_the_power_to_redact_does_not_go_on_from_before_that() -> None:
    room = _room()
    message = room.builder.message(CAROL)
    room.receive(message)
    evading = room.builder.fork()
    room.receive(room.builder.set_power_levels({"users": {ALICE: 100}}))
    redaction = evading.send("m.room.redaction", BOB, {}, redacts=message.event_id)
    assert room.receive(redaction) == Status.SOFT_FAILED
    assert row_of(message).redacted_by_nid is None


def test_a_redaction_of_what_its_sender_may_not_redact_is_not_shown() -> None:
    room = _room()
    message = room.builder.message(ALICE)
    room.receive(message)
    redaction = room.builder.send("m.room.redaction", CAROL, {}, redacts=message.event_id)
    assert room.receive(redaction) == Status.SOFT_FAILED
    assert row_of(message).redacted_by_nid is None
    after = room.builder.message(ALICE)
    room.receive(after)
    assert room.extremities() == {after.event_id}


def test_an_event_behind_a_gap_is_judged_by_the_state_that_is_given() -> None:
    room = _room()
    gap = room.builder.message(BOB)
    topic = room.builder.send("m.room.topic", BOB, {"topic": "beyond"}, state_key="")
    after = known_state(room.identity, list(room.state().values()))
    status = store_received(room.identity, fresh(topic), beyond={gap.event_id: after})
    assert status == Status.NORMAL
    assert room.state()[TOPIC] == topic.event_id
    assert extremities.is_missing(room.identity.nid, gap.event_id)
    # What fills the gap later is history, not news.
    assert room.receive(gap) == Status.NORMAL
    assert row_of(gap).position is None
    assert topic.event_id in room.extremities()
    assert not extremities.is_missing(room.identity.nid, gap.event_id)


@pytest.mark.parametrize("first", ["stripped", "whole"])
@pytest.mark.parametrize("version", ["2", "10", "12"])
def test_the_content_that_was_hashed_stays_whichever_way_the_event_has_come_first(
    version: str, first: str
) -> None:
    builder = SignedRoom.opened(version)
    room = JoinedRoom(builder)
    topic = builder.send("m.room.topic", ALICE, {"topic": "tea"}, state_key="")
    stripped = Event(redact(topic.pdu, topic.rules), topic.event_id, topic.rules)
    before, then = (stripped, topic) if first == "stripped" else (topic, stripped)
    store_outliers(room.identity, [fresh(before)])
    assert room.receive(then) == Status.NORMAL
    clear_all()
    assert events.parse(row_of(topic)).content == {"topic": "tea"}
    assert events.events_by_nid([row_of(topic).nid])[row_of(topic).nid].content == {"topic": "tea"}
    assert room.state()[TOPIC] == topic.event_id


@pytest.mark.parametrize("version", ["1", "2"])
def test_an_event_with_the_id_of_another_that_is_stored_is_passed_over(version: str) -> None:
    room = _room(version)
    event_id = "$chosen:b.example"
    raised = {"users": {ALICE: 100, BOB: 100}}
    forged = room.builder.make("m.room.power_levels", BOB, raised, state_key="", event_id=event_id)
    store_outliers(room.identity, [fresh(forged)])
    assert row_of(forged).status == Status.REJECTED
    before = room.state()
    levels = {"users": {ALICE: 100, BOB: 50}, "ban": 40}
    allowed = room.builder.send("m.room.power_levels", BOB, levels, state_key="", event_id=event_id)
    assert room.receive(allowed) is None
    assert (row_of(forged).status, room.state()) == (Status.REJECTED, before)
