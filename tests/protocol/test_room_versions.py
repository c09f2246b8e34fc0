"""The table of room versions, against what each version's page of the specification says it adds."""

from __future__ import annotations

import pytest

from matrix_app.protocol.errors import UnsupportedRoomVersion
from matrix_app.protocol.room_versions import DEFAULT_ROOM_VERSION, ROOM_VERSIONS, room_version

# The first version that has it, or None and the first that does not.
SINCE = {
    "enforce_key_validity": 5,
    "strict_canonical_json": 6,
    "notifications_power_levels": 6,
    "knock": 7,
    "restricted_join": 8,
    "redaction_keeps_allow": 8,
    "redaction_keeps_authorising_user": 9,
    "knock_restricted_join": 10,
    "integer_power_levels": 10,
    "implicit_room_creator": 11,
    "redacts_in_content": 11,
    "redaction_v11": 11,
    "room_id_is_create_hash": 12,
    "privileged_creators": 12,
}
UNTIL = {"aliases_special_case": 5, "redaction_auth_by_event_id": 2}


@pytest.mark.parametrize("number", range(1, 13))
def test_each_rule_holds_from_the_version_that_brought_it(number: int) -> None:
    rules = room_version(str(number))
    assert rules.identifier == str(number)
    assert {name: getattr(rules, name) for name in SINCE} == {name: number >= SINCE[name] for name in SINCE}
    assert {name: getattr(rules, name) for name in UNTIL} == {name: number <= UNTIL[name] for name in UNTIL}


def test_event_ids_changed_their_format_in_versions_3_and_4() -> None:
    formats = [rules.event_id_format for rules in ROOM_VERSIONS.values()]
    assert formats == ["domain", "domain", "base64", *["urlsafe"] * 9]


def test_state_resolution_changed_in_versions_2_and_12() -> None:
    algorithms = [rules.state_resolution for rules in ROOM_VERSIONS.values()]
    assert algorithms == ["v1", *["v2"] * 10, "v2.1"]


def test_all_twelve_versions_are_stable_and_the_newest_is_the_default() -> None:
    assert list(ROOM_VERSIONS) == [str(number) for number in range(1, 13)]
    assert all(rules.stable for rules in ROOM_VERSIONS.values())
    assert DEFAULT_ROOM_VERSION is ROOM_VERSIONS["12"]


@pytest.mark.parametrize("identifier", ["", "0", "13", "01", "org.matrix.msc1"])
def test_unknown_versions_are_refused(identifier: str) -> None:
    with pytest.raises(UnsupportedRoomVersion):
        room_version(identifier)
