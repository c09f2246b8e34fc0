"""The redaction algorithm of each room version."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matrix_app.protocol.redaction import redact, redact_content
from matrix_app.protocol.room_versions import ROOM_VERSIONS, RoomVersion

ALL = list(ROOM_VERSIONS)
POWER_LEVELS = {
    "ban",
    "events",
    "events_default",
    "kick",
    "redact",
    "state_default",
    "users",
    "users_default",
}
KEPT_ALWAYS = {
    "event_id",
    "type",
    "room_id",
    "sender",
    "state_key",
    "content",
    "hashes",
    "signatures",
    "depth",
    "prev_events",
    "auth_events",
    "origin_server_ts",
}
KEPT_UNTIL_V10 = {"prev_state", "origin", "membership"}
ANY_KEYS = [
    *POWER_LEVELS,
    *("membership", "join_authorised_via_users_server", "displayname", "creator", "room_version"),
    *("join_rule", "allow", "aliases", "history_visibility", "redacts", "reason", "invite", "body"),
    *("notifications",),
]

# Content keys by type, and the versions that keep them.
CONTENT = {
    "m.room.member": {"membership": ALL, "join_authorised_via_users_server": ALL[8:]},
    "m.room.create": {"creator": ALL},
    "m.room.join_rules": {"join_rule": ALL, "allow": ALL[7:]},
    "m.room.power_levels": {**dict.fromkeys(POWER_LEVELS, ALL), "invite": ALL[10:]},
    "m.room.aliases": {"aliases": ALL[:5]},
    "m.room.history_visibility": {"history_visibility": ALL},
    "m.room.redaction": {"redacts": ALL[10:]},
    "m.room.message": {},
    "m.room.third_party_invite": {},
}

versions = pytest.mark.parametrize("rules", ROOM_VERSIONS.values(), ids=lambda rules: rules.identifier)


def make_pdu(event_type: str, content: dict[str, Any]) -> dict[str, Any]:
    names = [*KEPT_ALWAYS, *KEPT_UNTIL_V10, "unsigned", "redacts", "age", "user_id", "org.example"]
    return {**dict.fromkeys(names, "x"), "type": event_type, "content": content}


@versions
def test_top_level_keys_are_those_of_the_version(rules: RoomVersion) -> None:
    kept = KEPT_ALWAYS if int(rules.identifier) >= 11 else KEPT_ALWAYS | KEPT_UNTIL_V10
    assert set(redact(make_pdu("m.room.message", {"body": "x"}), rules)) == kept


@versions
@pytest.mark.parametrize("event_type", CONTENT)
def test_content_keys_are_those_of_the_version(event_type: str, rules: RoomVersion) -> None:
    content = dict.fromkeys(ANY_KEYS, "x")
    redacted = redact(make_pdu(event_type, content), rules)["content"]
    if event_type == "m.room.create" and int(rules.identifier) >= 11:
        assert redacted == content
    else:
        kept = {key for key, since in CONTENT[event_type].items() if rules.identifier in since}
        assert redacted == dict.fromkeys(kept, "x")


@versions
def test_of_a_third_party_invite_only_signed_stays_and_only_since_version_11(rules: RoomVersion) -> None:
    content = {"membership": "invite", "third_party_invite": {"display_name": "A", "signed": {"token": "t"}}}
    kept: dict[str, Any] = {"membership": "invite"}
    if int(rules.identifier) >= 11:
        kept["third_party_invite"] = {"signed": {"token": "t"}}
    assert redact_content("m.room.member", content, rules) == kept


@pytest.mark.parametrize(
    ("invite", "kept"),
    [
        ({"display_name": "A"}, {"third_party_invite": {}}),
        ({"signed": None}, {"third_party_invite": {"signed": None}}),
        ("nonsense", {}),
        (None, {}),
    ],
)
def test_malformed_third_party_invites_are_redacted_as_most_servers_do(invite: Any, kept: Any) -> None:
    assert redact_content("m.room.member", {"third_party_invite": invite}, ROOM_VERSIONS["12"]) == kept


@given(
    st.sampled_from(list(ROOM_VERSIONS.values())),
    st.sampled_from(list(CONTENT)),
    st.dictionaries(st.sampled_from([*ANY_KEYS, "third_party_invite"]), st.just({"signed": 1, "other": 2})),
)
def test_redaction_is_idempotent_and_leaves_its_argument_alone(
    rules: RoomVersion, event_type: str, content: dict[str, Any]
) -> None:
    pdu = make_pdu(event_type, content)
    before = {**pdu, "content": {key: dict(value) for key, value in content.items()}}
    redacted = redact(pdu, rules)
    assert redact(redacted, rules) == redacted
    assert pdu == before
