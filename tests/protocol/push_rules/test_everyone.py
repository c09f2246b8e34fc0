from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_app.protocol.push_rules import (
    NOBODY,
    EventView,
    NameIndex,
    PushContext,
    compile_ruleset,
    default_outcome,
    invited_user,
    is_static_for_room,
    mentioned_users,
    named_users,
    outcome_of,
    outcome_under,
    put_rule,
    set_actions,
    set_enabled,
)
from tests.protocol.push_rules.events import ALICE, BOB, ROOM, context, text, view

CAROL = "@carol:example.org"
USERS = {ALICE, BOB, CAROL}
OTHER_ROOM = "!other:example.org"


def mention(*user_ids, **content):
    return view({"msgtype": "m.text", "body": "hello", "m.mentions": {"user_ids": list(user_ids)}, **content})


def test_a_message_counts_as_unread_for_everybody():
    outcome = default_outcome(text("hello"), context())
    assert (outcome.notify, outcome.highlight, outcome.overrides_room) == (True, False, False)


def test_a_message_between_two_makes_a_sound():
    assert default_outcome(text("hello"), context(members=2)).outcome.sound == "default"


@pytest.mark.parametrize(
    "event",
    [
        view({"msgtype": "m.notice", "body": "x"}),
        view({"membership": "join"}, type="m.room.member", state_key=BOB),
        view(type="m.reaction"),
        view({"m.relates_to": {"rel_type": "m.replace", "event_id": "$a"}}),
        view(type="m.room.server_acl", state_key=""),
        view(type="m.room.topic", state_key=""),
    ],
)
def test_some_events_count_for_nobody(event):
    assert not default_outcome(event, context()).notify


def test_mentioning_the_room_highlights_everybody_if_the_sender_may():
    event = text("hello", **{"m.mentions": {"room": True}})
    assert default_outcome(event, context(level=50)).highlight
    assert not default_outcome(event, context(level=0)).highlight
    assert default_outcome(event, context(level=0)).notify


def test_a_tombstone_highlights_everybody():
    outcome = default_outcome(view(type="m.room.tombstone", state_key=""), context())
    assert outcome.highlight
    assert outcome.overrides_room


def test_mentioned_users_are_the_local_ones_without_the_sender():
    event = mention(ALICE, BOB, "@remote:elsewhere.org", 5)
    assert mentioned_users(event, USERS) == {ALICE}


def test_notices_mention_nobody():
    assert mentioned_users(mention(ALICE, msgtype="m.notice"), USERS) == set()


NAMES = {ALICE: "Alice", BOB: "", CAROL: "Cake (of example)"}
INDEX = NameIndex().changed(NAMES, ())


def named(event, facts=None):
    body = event.lowered("content.body")
    found = INDEX.named_in(body) if event.may_name_in_text else NOBODY
    return named_users(event, default_outcome(event, facts or context()), found)


def test_names_in_the_text_of_a_message_without_mentions_mention_users_but_the_sender():
    assert named(text("hello CAROL, and alice")) == {ALICE, CAROL}
    assert named(text(f"hello {ALICE}, I am {BOB}")) == {ALICE}
    assert named(text("cake (of example)")) == {CAROL}


def test_names_in_the_text_of_a_message_with_mentions_are_no_mentions():
    odd: list[Any] = [{}, None, [], {"user_ids": []}, {"user_ids": [CAROL]}]
    for mentions in odd:
        assert named(text("hello alice", **{"m.mentions": mentions})) == set()


def test_names_in_notices_are_no_mentions():
    assert named(view({"msgtype": "m.notice", "body": "alice"})) == set()


def test_display_names_but_not_user_names_in_edits_are_mentions():
    edit = {"m.relates_to": {"rel_type": "m.replace", "event_id": "$a"}}
    assert named(text("* hello carol, cake (of example)", **edit)) == {CAROL}
    assert named(text("* hello carol", **edit)) == set()


def test_calling_the_room_in_the_text_highlights_everybody_if_the_sender_may():
    assert default_outcome(text("hey @Room!"), context(level=50)).highlight
    assert not default_outcome(text("hey @room!"), context(level=49)).highlight
    assert not default_outcome(text("hey @rooms"), context(level=50)).highlight
    assert not default_outcome(text("hey @room", **{"m.mentions": {}}), context(level=50)).highlight
    assert not default_outcome(text("hey @room"), context(level=50), by_text=False).highlight


def test_mentions_that_are_malformed_mention_nobody():
    assert mentioned_users(text("x", **{"m.mentions": {"user_ids": ALICE}}), USERS) == set()
    assert mentioned_users(text("x", **{"m.mentions": [ALICE]}), USERS) == set()


def test_an_edit_highlights_those_it_newly_mentions():
    edit = {"rel_type": "m.replace", "event_id": "$a"}
    assert mentioned_users(mention(CAROL, **{"m.relates_to": edit}), USERS) == {CAROL}


def test_an_invitation_names_its_user():
    assert invited_user(view({"membership": "invite"}, type="m.room.member", state_key=CAROL)) == CAROL
    assert invited_user(view({"membership": "join"}, type="m.room.member", state_key=CAROL)) is None


simple_values = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 60), st.sampled_from(["m.replace", ALICE, ""])
)
user_ids = st.lists(st.sampled_from([*USERS, "@x:remote", 3]), max_size=3)
mentions = st.one_of(
    simple_values,
    st.fixed_dictionaries({}, optional={"user_ids": user_ids | simple_values, "room": simple_values}),
)
contents = st.fixed_dictionaries(
    {},
    optional={
        "body": st.sampled_from(
            ["hello", "cake", f"hi {ALICE}", "alice", "carol", "a cake (of example)", "carol and @room"]
        )
        | simple_values,
        "msgtype": st.sampled_from(["m.text", "m.notice", "M.NOTICE"]) | simple_values,
        "membership": st.sampled_from(["invite", "join", "INVITE"]) | simple_values,
        "m.mentions": mentions,
        "m.relates_to": st.fixed_dictionaries({}, optional={"rel_type": simple_values}) | simple_values,
    },
)
types = st.sampled_from(
    [
        "m.room.message",
        "m.room.encrypted",
        "m.room.member",
        "M.ROOM.MEMBER",
        "m.room.tombstone",
        "m.room.server_acl",
        "m.reaction",
        "m.call.invite",
        "m.room.topic",
    ]
)
pdus = st.fixed_dictionaries(
    {"type": types, "sender": st.sampled_from(sorted(USERS)), "content": contents},
    optional={"state_key": st.sampled_from(["", *USERS])},
)
contexts = st.builds(
    PushContext,
    st.integers(1, 4),
    st.sampled_from([0, 49, 50, 100]),
    st.fixed_dictionaries({}, optional={"room": st.sampled_from([0, 50, 100, "50", None])}),
)


def shortcut(custom, user_id, event, facts, by_text):
    return outcome_under(
        is_static_for_room(custom, event.room_id),
        user_id,
        default_outcome(event, facts, by_text=by_text),
        mentioned_users(event, USERS) | (named(event, facts) if by_text else set()),
        invited_user(event),
    )


def evaluated(custom, user_id, event, facts, by_text):
    compiled = compile_ruleset(custom, user_id)
    return outcome_of(compiled.actions_for(event, facts, NAMES[user_id], by_text=by_text))


@settings(max_examples=1000, deadline=None)
@given(pdus, contexts, st.booleans())
def test_the_short_cut_agrees_with_the_evaluator_for_users_without_customisations(pdu, facts, by_text):
    event = EventView(pdu, ROOM)
    for user_id in USERS - {event.sender}:
        expected = evaluated({}, user_id, event, facts, by_text)
        assert shortcut({}, user_id, event, facts, by_text) == expected


def in_room(room_id):
    return {"kind": "event_match", "key": "room_id", "pattern": room_id}


rooms = st.sampled_from([ROOM, OTHER_ROOM])
action_lists = st.sampled_from([[], ["dont_notify"], ["notify"], ["notify", {"set_tweak": "highlight"}]])
condition_lists = st.one_of(
    st.just([]),
    rooms.map(lambda room_id: [in_room(room_id)]),
    rooms.map(lambda room_id: [in_room(room_id), {"kind": "room_member_count", "is": "2"}]),
    st.just([in_room("!*")]),
)
PREDEFINED = [
    ("override", ".m.rule.master"),
    ("override", ".m.rule.is_user_mention"),
    ("override", ".m.rule.reaction"),
    ("override", ".m.rule.contains_display_name"),
    ("override", ".m.rule.roomnotif"),
    ("content", ".m.rule.contains_user_name"),
    ("underride", ".m.rule.message"),
]


@st.composite
def steps(draw):
    match draw(st.sampled_from(["conditional", "room", "sender", "content", "enabled", "actions"])):
        case "conditional":
            kind = draw(st.sampled_from(["override", "underride"]))
            body = {"actions": draw(action_lists), "conditions": draw(condition_lists)}
            rule_id = draw(st.sampled_from(["one", "two"]))
            return lambda custom: put_rule(custom, kind, rule_id, body)
        case "room":
            room_id, body = draw(rooms), {"actions": draw(action_lists)}
            return lambda custom: put_rule(custom, "room", room_id, body)
        case "sender":
            body = {"actions": draw(action_lists)}
            return lambda custom: put_rule(custom, "sender", BOB, body)
        case "content":
            body = {"actions": draw(action_lists), "pattern": "cake"}
            return lambda custom: put_rule(custom, "content", "c", body)
        case "enabled":
            kind, rule_id = draw(st.sampled_from(PREDEFINED))
            body = {"enabled": draw(st.booleans())}
            return lambda custom: set_enabled(custom, kind, rule_id, body)
        case _:
            kind, rule_id = draw(st.sampled_from(PREDEFINED))
            body = {"actions": draw(action_lists)}
            return lambda custom: set_actions(custom, kind, rule_id, body)


def applied(taken):
    custom: dict[str, Any] = {}
    for step in taken:
        custom = step(custom)
    return custom


customs = st.lists(steps(), min_size=1, max_size=3).map(applied)


@settings(max_examples=1500, deadline=None)
@given(customs, pdus, contexts, st.booleans())
def test_the_short_cut_agrees_with_the_evaluator_wherever_customisations_are_static(
    custom, pdu, facts, by_text
):
    event = EventView(pdu, ROOM)
    if is_static_for_room(custom, ROOM) == "dynamic":
        return
    for user_id in USERS - {event.sender}:
        expected = evaluated(custom, user_id, event, facts, by_text)
        assert shortcut(custom, user_id, event, facts, by_text) == expected


@settings(max_examples=1000, deadline=None)
@given(customs, pdus, contexts)
def test_whom_the_text_does_not_name_needs_no_rules_that_search_it(custom, pdu, facts):
    event = EventView(pdu, ROOM)
    body = event.lowered("content.body")
    for user_id in USERS - {event.sender}:
        if body is None or ("@room" not in body and user_id not in INDEX.named_in(body)):
            searched = evaluated(custom, user_id, event, facts, True)
            assert searched == evaluated(custom, user_id, event, facts, False)


MUTE = {"actions": ["dont_notify"], "conditions": [in_room(ROOM)]}


@pytest.mark.parametrize(
    ("custom", "stance"),
    [
        ({}, "default"),
        (put_rule({}, "override", ROOM, MUTE), "muted"),
        (put_rule({}, "override", "x", {"actions": [], "conditions": [in_room(OTHER_ROOM)]}), "default"),
        (put_rule({}, "override", "x", {"actions": ["notify"], "conditions": [in_room(ROOM)]}), "dynamic"),
        (put_rule({}, "room", ROOM, {"actions": []}), "mentions-only"),
        (put_rule({}, "room", OTHER_ROOM, {"actions": []}), "default"),
        (put_rule({}, "room", ROOM, {"actions": ["notify"]}), "dynamic"),
        (put_rule({}, "sender", BOB, {"actions": []}), "dynamic"),
        (
            put_rule(put_rule({}, "sender", BOB, {"actions": []}), "room", ROOM, {"actions": []}),
            "mentions-only",
        ),
        (put_rule({}, "content", "c", {"actions": ["notify"], "pattern": "cake"}), "dynamic"),
        (set_enabled({}, "override", ".m.rule.master", {"enabled": True}), "muted"),
        (set_actions({}, "override", ".m.rule.master", {"actions": ["notify"]}), "default"),
        (set_enabled({}, "underride", ".m.rule.message", {"enabled": False}), "dynamic"),
        (set_enabled({}, "content", ".m.rule.contains_user_name", {"enabled": False}), "dynamic"),
        (set_enabled({}, "override", ".m.rule.roomnotif", {"enabled": False}), "dynamic"),
        (set_enabled(put_rule({}, "override", ROOM, MUTE), "override", ROOM, {"enabled": False}), "default"),
    ],
)
def test_common_customisations_are_recognised(custom, stance):
    assert is_static_for_room(custom, ROOM) == stance
