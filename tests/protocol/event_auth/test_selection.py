"""Auth events selection (server-server API)."""

from typing import Any

import pytest

from matrix_app.protocol.event_auth import auth_types_for_event
from matrix_app.protocol.events import type_and_key
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from tests.factories.events import ALICE, BOB, CAROL
from tests.protocol.event_auth.refusals import versions

CREATE = ("m.room.create", "")
LEVELS = ("m.room.power_levels", "")
JOIN_RULES = ("m.room.join_rules", "")
MEMBER_ALICE = ("m.room.member", ALICE)
MEMBER_BOB = ("m.room.member", BOB)
MEMBER_CAROL = ("m.room.member", CAROL)
TOKEN = ("m.room.third_party_invite", "token")
SIGNED_TOKEN = {"signed": {"mxid": BOB, "token": "token", "signatures": {}}}


def select(version: str, **fields: Any) -> list[type_and_key]:
    fields = {"sender": ALICE, "state_key": None, "content": {}} | fields
    return auth_types_for_event(ROOM_VERSIONS[version], **fields)


@pytest.mark.parametrize("version", versions())
def test_a_create_event_has_no_auth_events(version: str) -> None:
    assert select(version, type="m.room.create", state_key="") == []


@pytest.mark.parametrize("version", versions(last=11))
def test_any_event_has_the_create_event_the_power_levels_and_its_sender(version: str) -> None:
    assert select(version, type="m.room.message") == [CREATE, LEVELS, MEMBER_ALICE]


def test_the_create_event_is_not_selected_where_the_room_id_stands_for_it() -> None:
    assert select("12", type="m.room.message") == [LEVELS, MEMBER_ALICE]


MEMBER_EVENTS = [
    ("join", {}, {MEMBER_BOB, JOIN_RULES}),
    ("invite", {}, {MEMBER_BOB, JOIN_RULES}),
    ("knock", {}, {MEMBER_BOB, JOIN_RULES}),
    ("leave", {}, {MEMBER_BOB}),
    ("ban", {}, {MEMBER_BOB}),
    ("nonsense", {}, {MEMBER_BOB}),
    (["join"], {}, {MEMBER_BOB}),
    ("invite", {"third_party_invite": SIGNED_TOKEN}, {MEMBER_BOB, JOIN_RULES, TOKEN}),
    ("join", {"third_party_invite": SIGNED_TOKEN}, {MEMBER_BOB, JOIN_RULES}),
    ("invite", {"third_party_invite": {"signed": {"token": 7}}}, {MEMBER_BOB, JOIN_RULES}),
    ("invite", {"third_party_invite": {"signed": "token"}}, {MEMBER_BOB, JOIN_RULES}),
    ("invite", {"third_party_invite": "token"}, {MEMBER_BOB, JOIN_RULES}),
    ("leave", {"join_authorised_via_users_server": CAROL}, {MEMBER_BOB}),
    ("join", {"join_authorised_via_users_server": 7}, {MEMBER_BOB, JOIN_RULES}),
]


@pytest.mark.parametrize(("membership", "content", "expected"), MEMBER_EVENTS)
def test_a_membership_event_selects_by_its_membership(
    membership: Any, content: dict[str, Any], expected: set[type_and_key]
) -> None:
    content = {"membership": membership, **content}
    for version in versions():
        selected = select(version, type="m.room.member", state_key=BOB, content=content)
        assert set(selected) - {CREATE} == expected | {LEVELS, MEMBER_ALICE}


@pytest.mark.parametrize("version", versions())
def test_a_restricted_join_selects_who_let_the_user_in_from_version_8(version: str) -> None:
    content = {"membership": "join", "join_authorised_via_users_server": CAROL}
    selected = select(version, type="m.room.member", sender=BOB, state_key=BOB, content=content)
    assert (MEMBER_CAROL in selected) == (version in versions(first=8))


@pytest.mark.parametrize("version", versions())
def test_no_pair_is_selected_twice(version: str) -> None:
    content = {"membership": "join", "join_authorised_via_users_server": BOB}
    selected = select(version, type="m.room.member", sender=BOB, state_key=BOB, content=content)
    assert len(selected) == len(set(selected))


def test_a_membership_event_without_a_target_selects_what_any_event_selects() -> None:
    assert select("11", type="m.room.member") == [CREATE, LEVELS, MEMBER_ALICE]
