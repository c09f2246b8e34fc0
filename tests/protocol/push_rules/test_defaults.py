import pytest

from matrix_app.protocol.push_rules import full_ruleset, rules_of_kind
from matrix_app.protocol.push_rules.defaults import BY_TEXT

ME = "@me:example.org"


def ids(kind):
    return [rule["rule_id"] for rule in rules_of_kind({}, ME, kind)]


def test_the_predefined_override_rules_stand_in_the_order_of_the_specification():
    assert ids("override") == [
        ".m.rule.master",
        ".m.rule.suppress_notices",
        ".m.rule.invite_for_me",
        ".m.rule.member_event",
        ".m.rule.is_user_mention",
        ".m.rule.contains_display_name",
        ".m.rule.is_room_mention",
        ".m.rule.roomnotif",
        ".m.rule.tombstone",
        ".m.rule.reaction",
        ".m.rule.room.server_acl",
        ".m.rule.suppress_edits",
    ]


def test_the_predefined_underride_rules_stand_in_the_order_of_the_specification():
    assert ids("underride") == [
        ".m.rule.call",
        ".m.rule.encrypted_room_one_to_one",
        ".m.rule.room_one_to_one",
        ".m.rule.message",
        ".m.rule.encrypted",
    ]


def test_the_predefined_content_rule_looks_for_the_user_name():
    [rule] = rules_of_kind({}, ME, "content")
    assert rule == {
        "rule_id": ".m.rule.contains_user_name",
        "default": True,
        "enabled": True,
        "pattern": "me",
        "actions": ["notify", {"set_tweak": "sound", "value": "default"}, {"set_tweak": "highlight"}],
    }


def test_the_rules_that_look_for_mentions_in_texts_are_as_they_were_before_they_were_removed():
    override = {rule["rule_id"]: rule for rule in rules_of_kind({}, ME, "override")}
    name, room = override[".m.rule.contains_display_name"], override[".m.rule.roomnotif"]
    assert name["conditions"] == [{"kind": "contains_display_name"}]
    assert name["actions"] == override[".m.rule.is_user_mention"]["actions"]
    assert room["conditions"] == [
        {"kind": "event_match", "key": "content.body", "pattern": "@room"},
        {"kind": "sender_notification_permission", "key": "room"},
    ]
    assert room["actions"] == ["notify", {"set_tweak": "highlight"}]


def test_without_mentions_by_text_there_are_the_rules_of_the_present_specification():
    rules = full_ruleset({}, ME, by_text=False)["global"]
    assert [rule["rule_id"] for rule in rules["override"]] == [
        rule_id for rule_id in ids("override") if rule_id not in BY_TEXT
    ]
    assert rules["content"] == []


@pytest.mark.parametrize("kind", ["room", "sender"])
def test_the_other_kinds_have_no_predefined_rules(kind):
    assert ids(kind) == []


def test_every_predefined_rule_but_the_master_rule_is_enabled():
    rules = [rule for kind in full_ruleset({}, ME)["global"].values() for rule in kind]
    assert all(rule["default"] for rule in rules)
    assert [rule["rule_id"] for rule in rules if not rule["enabled"]] == [".m.rule.master"]


def test_predefined_rules_name_the_user():
    override = {rule["rule_id"]: rule for rule in rules_of_kind({}, ME, "override")}
    assert override[".m.rule.is_user_mention"]["conditions"][0]["value"] == ME
    assert override[".m.rule.invite_for_me"]["conditions"][2]["pattern"] == ME


def test_changing_an_answer_does_not_change_the_next():
    rules_of_kind({}, ME, "underride")[0]["actions"].append("spoiled")
    rules_of_kind({}, ME, "underride")[0]["conditions"].clear()
    call = rules_of_kind({}, ME, "underride")[0]
    assert call["actions"] == ["notify", {"set_tweak": "sound", "value": "ring"}]
    assert call["conditions"] == [{"kind": "event_match", "key": "type", "pattern": "m.call.invite"}]
