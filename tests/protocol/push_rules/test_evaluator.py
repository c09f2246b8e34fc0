import math
from typing import Any

import pytest

from matrix_app.protocol.events import Event
from matrix_app.protocol.push_rules import (
    EventView,
    compile_ruleset,
    outcome_of,
    put_rule,
    set_actions,
    set_enabled,
)
from matrix_app.protocol.room_versions import V11
from tests.protocol.push_rules.events import ALICE, BOB, ROOM, context, text, view

HIT = {"set_tweak": "hit", "value": "yes"}


def matches(condition, event, facts=None, name=None):
    custom = put_rule({}, "override", "a", {"actions": [HIT], "conditions": []})
    custom["rules"]["override"][0]["conditions"] = [condition]
    return compile_ruleset(custom, ALICE).actions_for(event, facts or context(), name) == [HIT]


def event_match(key, pattern):
    return {"kind": "event_match", "key": key, "pattern": pattern}


@pytest.mark.parametrize(
    ("topic", "expected"),
    [("Lunch plans", True), ("LUNCH", True), (" lunch", False), ("lunc", False), (None, False), (3, False)],
)
def test_event_match_takes_whole_values_whatever_their_case(topic, expected):
    event = view({"topic": topic}, type="m.room.topic", state_key="")
    assert matches(event_match("content.topic", "lunc?*"), event) == expected


def test_event_match_needs_the_property_even_for_a_star():
    assert not matches(event_match("content.topic", "*"), view())
    assert not matches(event_match("content.body.deeper", "*"), text("words"))


@pytest.mark.parametrize(
    ("pattern", "body", "expected"),
    [
        ("ex*ple", "An example event.", True),
        ("ex*ple", "An exciting triple-whammy", True),
        ("CAKE", "it is cake, ok", True),
        ("cake", "it is CAKES", False),
        ("*", "", True),
        ("*", 5, False),
    ],
)
def test_event_match_takes_words_of_the_body(pattern, body, expected):
    assert matches(event_match("content.body", pattern), view({"body": body})) == expected


def test_event_match_knows_the_room():
    assert matches(event_match("room_id", ROOM), view())
    assert not matches(event_match("room_id", "!elsewhere:example.org"), view())


def test_a_view_of_an_event_knows_its_id():
    pdu = {
        "type": "m.room.message",
        "sender": BOB,
        "content": {},
        "room_id": ROOM,
        "depth": 1,
        "origin_server_ts": 1,
        "prev_events": [],
        "auth_events": [],
    }
    assert matches(event_match("event_id", "$here"), EventView.of(Event(pdu, "$here", V11)))


@pytest.mark.parametrize(("value", "expected"), [(True, True), ("true", False), (1, False), (None, False)])
def test_event_property_is_does_not_cast(value, expected):
    condition = {"kind": "event_property_is", "key": r"content.m\.federate", "value": True}
    assert matches(condition, view({"m.federate": value})) == expected


def test_event_property_is_tells_null_from_absent():
    condition = {"kind": "event_property_is", "key": "content.reply", "value": None}
    assert matches(condition, view({"reply": None}))
    assert not matches(condition, view())


def test_event_property_is_never_matches_lists():
    condition = {"kind": "event_property_is", "key": "content.list", "value": []}
    assert not matches(condition, view({"list": []}))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["#a:x", "#myroom:example.com"], True),
        ([":example.com"], False),
        ("#myroom:example.com", False),
        ({"#myroom:example.com": 1}, False),
        ([["#myroom:example.com"]], False),
    ],
)
def test_event_property_contains_takes_exact_members_of_a_list(values, expected):
    condition = {
        "kind": "event_property_contains",
        "key": "content.alt_aliases",
        "value": "#myroom:example.com",
    }
    assert matches(condition, view({"alt_aliases": values})) == expected


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("Alice", "hello ALICE!", True),
        ("Alice", "malice", False),
        ("A*e", "alice", False),
        ("", "hello", False),
        (None, "None", False),
        ("Al (away)", "hi al (away)", True),
    ],
)
def test_contains_display_name_looks_for_the_name_as_a_word(name, body, expected):
    assert matches({"kind": "contains_display_name"}, text(body), name=name) == expected


@pytest.mark.parametrize(
    ("wanted", "members", "expected"),
    [
        ("2", 2, True),
        ("==2", 3, False),
        ("<3", 3, False),
        ("<3", 2, True),
        (">3", 4, True),
        (">=3", 3, True),
        ("<=3", 4, False),
        ("=2", 2, False),
        ("two", 2, False),
    ],
)
def test_room_member_count_compares(wanted, members, expected):
    assert matches({"kind": "room_member_count", "is": wanted}, view(), context(members)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (context(level=50), True),
        (context(level=49), False),
        (context(level=0, room=0), True),
        (context(level=50, room=51), False),
        (context(level=50, room="60"), False),
        (context(level=50, room="nonsense"), True),
        (context(level=math.inf, room=2**53 - 1), True),
    ],
)
def test_sender_notification_permission_compares_power_levels(facts, expected):
    condition = {"kind": "sender_notification_permission", "key": "room"}
    assert matches(condition, view(), facts) == expected


@pytest.mark.parametrize(
    "condition",
    [{"kind": "org.example.unknown"}, {"kind": "event_match", "key": "type"}, {}, "text", None],
)
def test_conditions_that_are_not_understood_never_match(condition):
    assert not matches(condition, view())


def test_all_conditions_of_a_rule_must_hold():
    rule = {"actions": [HIT], "conditions": [event_match("type", "m.sticker"), event_match("content.a", "b")]}
    compiled = compile_ruleset(put_rule({}, "override", "a", rule), ALICE)
    assert compiled.actions_for(view({"a": "b"}, type="m.sticker"), context()) == [HIT]
    assert compiled.actions_for(view({"a": "c"}, type="m.sticker"), context()) is None


def test_kinds_are_checked_in_their_order():
    custom: dict[str, Any] = {}
    winners = []
    for kind, rule_id in [
        ("underride", "u"),
        ("sender", BOB),
        ("room", ROOM),
        ("content", "c"),
        ("override", "o"),
    ]:
        custom = put_rule(custom, kind, rule_id, {"actions": [HIT | {"value": kind}], "pattern": "words"})
        actions = compile_ruleset(custom, ALICE).actions_for(text("words"), context())
        assert actions is not None
        winners.append(actions[0]["value"])
    assert winners == ["underride", "sender", "room", "content", "override"]


def test_disabled_rules_never_match():
    custom = put_rule({}, "override", "a", {"actions": [HIT]})
    custom = set_enabled(custom, "override", "a", {"enabled": False})
    assert compile_ruleset(custom, ALICE).actions_for(text("words"), context()) == ["notify"]


def test_the_master_rule_silences_everything():
    custom = put_rule({}, "override", "a", {"actions": ["notify"]})
    custom = set_enabled(custom, "override", ".m.rule.master", {"enabled": True})
    assert compile_ruleset(custom, ALICE).actions_for(text("words"), context()) == []


def test_nobody_is_notified_of_their_own_events():
    assert compile_ruleset({}, BOB).actions_for(text("words"), context()) is None


def test_changed_actions_of_a_predefined_rule_are_used():
    custom = set_actions({}, "underride", ".m.rule.message", {"actions": ["notify", HIT]})
    assert compile_ruleset(custom, ALICE).actions_for(text("words"), context()) == ["notify", HIT]


def test_an_invitation_is_for_exactly_the_user_it_names():
    odd = "@*:example.org"
    invite = view({"membership": "invite"}, type="m.room.member", state_key=ALICE)
    assert outcome_of(compile_ruleset({}, ALICE).actions_for(invite, context())).notify
    assert not outcome_of(compile_ruleset({}, odd).actions_for(invite, context())).notify


def test_historical_actions_are_ignored():
    assert not outcome_of(["dont_notify"]).notify
    assert not outcome_of(["coalesce"]).notify
    assert outcome_of(["notify", "dont_notify"]).notify


def test_a_highlight_without_a_value_is_true():
    assert outcome_of(["notify", {"set_tweak": "highlight"}]).highlight
    assert not outcome_of(["notify", {"set_tweak": "highlight", "value": False}]).highlight
    assert not outcome_of(["notify"]).highlight


def test_sounds_and_other_tweaks_reach_the_gateway():
    outcome = outcome_of(["notify", {"set_tweak": "sound", "value": "ring"}, {"set_tweak": "x", "value": 1}])
    assert outcome.sound == "ring"
    assert outcome.tweaks == {"sound": "ring", "x": 1}


def test_nothing_is_set_without_notify():
    assert outcome_of([{"set_tweak": "highlight"}]) == outcome_of(None) == outcome_of([])
