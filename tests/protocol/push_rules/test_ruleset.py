from copy import deepcopy
from typing import Any

import pytest

from matrix_app.protocol.errors import BadJson, BadRequest, InvalidParam, MissingParam, NotFound
from matrix_app.protocol.push_rules import (
    copy_room_rules,
    delete_rule,
    get_rule,
    put_rule,
    rules_of_kind,
    set_actions,
    set_enabled,
)

ME = "@me:example.org"
NOTIFY = {"actions": ["notify"]}


def custom_with(*rule_ids, kind="room"):
    custom: dict[str, Any] = {}
    for rule_id in reversed(rule_ids):
        custom = put_rule(custom, kind, rule_id, NOTIFY)
    return custom


def ids(custom, kind="room"):
    return [rule["rule_id"] for rule in rules_of_kind(custom, ME, kind)]


def test_a_new_rule_is_enabled_and_not_a_predefined_one():
    custom = put_rule({}, "content", "cake", {"pattern": "cake*lie", "actions": ["notify"]})
    assert get_rule(custom, ME, "content", "cake") == {
        "rule_id": "cake",
        "pattern": "cake*lie",
        "actions": ["notify"],
        "enabled": True,
        "default": False,
    }


def test_new_rules_stand_above_older_ones():
    assert ids(put_rule(custom_with("a"), "room", "b", NOTIFY)) == ["b", "a"]


def test_a_rule_can_be_placed_before_another():
    assert ids(put_rule(custom_with("b", "a"), "room", "c", NOTIFY, before="a")) == ["b", "c", "a"]


def test_a_rule_can_be_placed_after_another():
    assert ids(put_rule(custom_with("b", "a"), "room", "c", NOTIFY, after="b")) == ["b", "c", "a"]


def test_before_counts_when_both_are_given():
    custom = custom_with("a", "b", "c")
    assert ids(put_rule(custom, "room", "d", NOTIFY, before="c", after="a")) == ["a", "b", "d", "c"]


def test_an_existing_rule_can_be_moved():
    assert ids(put_rule(custom_with("a", "b", "c"), "room", "a", NOTIFY, after="b")) == ["b", "a", "c"]


def test_an_existing_rule_keeps_its_place_and_stays_disabled_when_changed():
    custom = set_enabled(custom_with("a", "b"), "room", "b", {"enabled": False})
    custom = put_rule(custom, "room", "b", {"actions": []})
    assert ids(custom) == ["a", "b"]
    rule = get_rule(custom, ME, "room", "b")
    assert (rule["enabled"], rule["actions"]) == (False, [])


def test_placing_relative_to_an_unknown_rule_is_refused():
    with pytest.raises(BadRequest) as refusal:
        put_rule({}, "room", "a", NOTIFY, before="someRuleId")
    assert refusal.value.body() == {
        "errcode": "M_UNKNOWN",
        "error": "before/after rule not found: someRuleId",
    }


@pytest.mark.parametrize("place", ["before", "after"])
def test_placing_relative_to_a_predefined_rule_is_refused(place):
    with pytest.raises(BadRequest):
        put_rule({}, "override", "a", NOTIFY, **{place: ".m.rule.reaction"})


def test_own_override_rules_stand_below_the_master_rule_and_above_the_others():
    assert ids(put_rule({}, "override", "a", NOTIFY), "override")[:3] == [
        ".m.rule.master",
        "a",
        ".m.rule.suppress_notices",
    ]


def test_own_underride_rules_stand_above_the_predefined_ones():
    assert ids(put_rule({}, "underride", "a", NOTIFY), "underride")[:2] == ["a", ".m.rule.call"]


@pytest.mark.parametrize(
    ("kind", "rule_id", "body", "error", "errcode"),
    [
        ("template", "a", NOTIFY, BadRequest, "M_UNKNOWN"),
        ("room", "", NOTIFY, BadRequest, "M_UNKNOWN"),
        ("override", ".m.rule.mine", NOTIFY, InvalidParam, "M_INVALID_PARAM"),
        ("room", "a/b", NOTIFY, InvalidParam, "M_INVALID_PARAM"),
        ("room", "a\\b", NOTIFY, InvalidParam, "M_INVALID_PARAM"),
        ("room", "a", {}, MissingParam, "M_MISSING_PARAM"),
        ("room", "a", [], BadJson, "M_BAD_JSON"),
        ("room", "a", {"actions": "notify"}, BadJson, "M_BAD_JSON"),
        ("room", "a", {"actions": ["not_an_action"]}, InvalidParam, "M_INVALID_PARAM"),
        ("room", "a", {"actions": [{"set_tweak": 1}]}, InvalidParam, "M_INVALID_PARAM"),
        ("room", "a", {"actions": [7]}, InvalidParam, "M_INVALID_PARAM"),
        ("content", "a", NOTIFY, MissingParam, "M_MISSING_PARAM"),
        ("content", "a", NOTIFY | {"pattern": 1}, BadJson, "M_BAD_JSON"),
        ("override", "a", NOTIFY | {"conditions": {}}, BadJson, "M_BAD_JSON"),
        ("underride", "a", NOTIFY | {"conditions": [{}]}, MissingParam, "M_MISSING_PARAM"),
        ("underride", "a", NOTIFY | {"conditions": ["x"]}, BadJson, "M_BAD_JSON"),
        ("underride", "a", NOTIFY | {"conditions": [{"kind": 3}]}, BadJson, "M_BAD_JSON"),
    ],
)
def test_a_malformed_rule_is_refused(kind, rule_id, body, error, errcode):
    with pytest.raises(error) as refusal:
        put_rule({}, kind, rule_id, body)
    assert (refusal.value.status, refusal.value.errcode) == (400, errcode)


@pytest.mark.parametrize(
    "condition",
    [
        {"kind": "event_match", "key": "type"},
        {"kind": "event_match", "key": "type", "pattern": 1},
        {"kind": "event_property_is", "key": "type"},
        {"kind": "event_property_is", "key": "type", "value": []},
        {"kind": "event_property_is", "key": "type", "value": 2**53},
        {"kind": "event_property_contains", "key": 1, "value": 2},
        {"kind": "room_member_count"},
        {"kind": "room_member_count", "is": "about 2"},
        {"kind": "sender_notification_permission"},
    ],
)
def test_a_known_condition_without_its_parameters_is_refused(condition):
    with pytest.raises(BadRequest):
        put_rule({}, "override", "a", NOTIFY | {"conditions": [condition]})


def test_an_unknown_condition_is_kept():
    condition = {"kind": "org.example.moon_phase", "is": 3}
    custom = put_rule({}, "override", "a", NOTIFY | {"conditions": [condition]})
    assert get_rule(custom, ME, "override", "a")["conditions"] == [condition]


def test_an_own_rule_can_be_deleted():
    assert ids(delete_rule(custom_with("a", "b"), "room", "a")) == ["b"]


def test_deleting_the_last_rule_leaves_no_customisation():
    assert delete_rule(custom_with("a"), "room", "a") == {}


def test_deleting_an_unknown_rule_is_not_found():
    with pytest.raises(NotFound):
        delete_rule({}, "room", "a")


def test_predefined_rules_cannot_be_deleted():
    with pytest.raises(InvalidParam):
        delete_rule({}, "override", ".m.rule.master")


def test_a_predefined_rule_can_be_disabled_and_enabled_again():
    off = set_enabled({}, "underride", ".m.rule.call", {"enabled": False})
    assert not get_rule(off, ME, "underride", ".m.rule.call")["enabled"]
    assert set_enabled(off, "underride", ".m.rule.call", {"enabled": True}) == {}


def test_the_actions_of_a_predefined_rule_can_be_changed_even_to_historical_ones():
    custom = set_actions({}, "underride", ".m.rule.call", {"actions": ["dont_notify"]})
    rule = get_rule(custom, ME, "underride", ".m.rule.call")
    assert (rule["actions"], rule["enabled"], rule["default"]) == (["dont_notify"], True, True)


def test_the_actions_of_an_own_rule_can_be_changed():
    custom = set_actions(custom_with("a", "b"), "room", "b", {"actions": []})
    assert [rule["actions"] for rule in rules_of_kind(custom, ME, "room")] == [["notify"], []]


@pytest.mark.parametrize("rule_id", ["unknown", ".not.a.default.rule", ".m.rule.call"])
def test_changing_an_unknown_rule_is_not_found(rule_id):
    with pytest.raises(NotFound):
        set_enabled({}, "override", rule_id, {"enabled": True})
    with pytest.raises(NotFound):
        set_actions({}, "override", rule_id, NOTIFY)
    with pytest.raises(NotFound):
        get_rule({}, ME, "override", rule_id)


def test_enabled_must_be_a_boolean():
    with pytest.raises(BadJson):
        set_enabled({}, "override", ".m.rule.master", {"enabled": "not a boolean"})


def test_what_is_passed_in_stays_as_it_was():
    custom = set_enabled(custom_with("a", "b"), "override", ".m.rule.master", {"enabled": True})
    before = deepcopy(custom)
    put_rule(custom, "room", "a", {"actions": []}, after="b")
    set_actions(custom, "room", "a", {"actions": []})
    set_actions(custom, "override", ".m.rule.master", NOTIFY)
    delete_rule(custom, "room", "a")
    copy_room_rules(custom, "a", "!new")
    assert custom == before


def test_rules_for_a_room_are_copied_to_the_room_that_replaces_it():
    in_old = {"kind": "event_match", "key": "room_id", "pattern": "!old"}
    custom = put_rule(custom_with("!other", "!old"), "override", "!old", NOTIFY | {"conditions": [in_old]})
    custom = put_rule(custom, "override", "loud", NOTIFY | {"conditions": [in_old]})
    copied = copy_room_rules(custom, "!old", "!new")
    assert ids(copied) == ["!other", "!new", "!old"]
    assert ids(copied, "override")[1:5] == ["loud-!new", "loud", "!new", "!old"]
    assert get_rule(copied, ME, "override", "!new")["conditions"][0]["pattern"] == "!new"
    assert copy_room_rules(copied, "!old", "!new") == copied
