"""Letting users of other servers in."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.protocol.event_auth import check_state_dependent
from matrix_app.protocol.event_format import finish_event
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import event_id_of
from matrix_app.protocol.room_versions import ROOM_VERSIONS, RoomVersion
from matrix_app.storage import events, relayed_events
from tests.factories.client import Client
from tests.factories.visiting_server import VisitingServer

RESTRICTED = ("8", "10", "12")


def room_of(client: Client, version: str = "10", join_rule: str = "public", **content: Any) -> str:
    room_id = client.create_room(room_version=version, preset="private_chat")
    client.set_state(room_id, "m.room.join_rules", {"join_rule": join_rule, **content})
    return room_id


def restricted_to(space: str) -> dict[str, Any]:
    return {"allow": [{"type": "m.room_membership", "room_id": space}]}


def parsed(pdus: list[dict[str, Any]], rules: RoomVersion) -> list[Event]:
    return [Event(pdu, event_id_of(pdu, rules), rules) for pdu in pdus]


def members_of(client: Client, room_id: str) -> set[str]:
    return set(client.get(f"/rooms/{room_id}/joined_members").body["joined"])


@pytest.mark.parametrize("version", list(ROOM_VERSIONS))
def test_a_user_of_another_server_joins_by_the_handshake(
    remote: VisitingServer, alice: Client, version: str
) -> None:
    room_id = room_of(alice, version)
    bob = remote.user("bob")
    template = remote.make("join", room_id, bob).body
    assert template["room_version"] == version
    assert template["event"]["content"] == {"membership": "join"}
    assert template["event"]["origin"] == "hearth.example"
    assert not {"hashes", "signatures", "event_id", "unsigned"} & set(template["event"])
    answer = remote.join(room_id, bob)
    assert members_of(alice, room_id) == {alice.user_id, bob}
    rules = ROOM_VERSIONS[version]
    state = {(event.type, str(event.state_key)): event for event in parsed(answer.body["state"], rules)}
    (join,) = parsed([answer.body["event"]], rules)
    assert ("m.room.member", bob) not in state
    check_state_dependent(join, state)
    chain = {event.event_id for event in parsed(answer.body["auth_chain"], rules)}
    for event in [join, *state.values(), *parsed(answer.body["auth_chain"], rules)]:
        assert chain.issuperset(event.auth_event_ids)


def test_a_join_is_to_be_sent_on_to_the_other_servers(remote: VisitingServer, alice: Client) -> None:
    room_id = room_of(alice)
    event = remote.draft("join", room_id, remote.user("bob"))
    assert remote.hand_in(event).status == 200
    row = events.row_by_id(event.event_id)
    assert row is not None
    assert relayed_events.among([row.nid]) == {row.nid}


def test_the_first_version_answers_in_a_list(remote: VisitingServer, alice: Client) -> None:
    event = remote.draft("join", room_of(alice), remote.user("bob"))
    status, answer = remote.hand_in(event, version="v1").body
    assert status == 200
    assert {"state", "auth_chain"} <= set(answer)


def test_a_join_that_is_handed_in_twice_is_answered_twice(remote: VisitingServer, alice: Client) -> None:
    event = remote.draft("join", room_of(alice), remote.user("bob"))
    assert remote.hand_in(event).body == remote.hand_in(event).body


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_join_with_the_id_of_an_event_that_is_in_the_room_is_refused(
    remote: VisitingServer, alice: Client, version: str
) -> None:
    room_id = room_of(alice, version)
    bob = remote.user("bob")
    first = remote.draft("join", room_id, bob)
    assert remote.hand_in(first).status == 200
    assert remote.hand_in(remote.draft("leave", room_id, bob)).status == 200
    again = remote.make("join", room_id, bob).body["event"]
    pdu = {**remote.sign(again, ROOM_VERSIONS[version]).pdu, "event_id": first.event_id}
    forged = finish_event(pdu, rules=ROOM_VERSIONS[version], key=remote.key, server_name=remote.name)
    answer = remote.hand_in(forged)
    assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")
    assert remote.hand_in(first).status == 200


def test_members_are_omitted_when_the_room_has_a_name(remote: VisitingServer, alice: Client) -> None:
    room_id = room_of(alice)
    alice.set_state(room_id, "m.room.name", {"name": "Kitchen"})
    answer = remote.hand_in(remote.draft("join", room_id, remote.user("bob")), omit_members="true").body
    assert answer["members_omitted"] is True
    assert answer["servers_in_room"] == ["hearth.example"]
    assert "m.room.member" not in {pdu["type"] for pdu in answer["state"]}
    repeated = [pdu for pdu in answer["auth_chain"] if pdu in answer["state"]]
    assert repeated == []
    # The join rests on nobody's membership here but what let its auth events in.
    assert "m.room.member" in {pdu["type"] for pdu in answer["auth_chain"]}


def test_those_who_name_the_room_are_not_omitted(remote: VisitingServer, alice: Client) -> None:
    room_id = room_of(alice)
    answer = remote.hand_in(remote.draft("join", room_id, remote.user("bob")), omit_members="true").body
    shown = [pdu["state_key"] for pdu in answer["state"] if pdu["type"] == "m.room.member"]
    assert shown == [alice.user_id]


def test_a_server_that_does_not_know_the_version_is_told(remote: VisitingServer, alice: Client) -> None:
    room_id = room_of(alice, "10")
    for versions in ([], ["1"], ["1", "9"]):
        answer = remote.make("join", room_id, remote.user("bob"), versions)
        assert (answer.status, answer.errcode) == (400, "M_INCOMPATIBLE_ROOM_VERSION")
        assert answer.body["room_version"] == "10"


def test_a_server_joins_its_own_users_only(remote: VisitingServer, alice: Client) -> None:
    room_id = room_of(alice)
    answer = remote.make("join", room_id, "@eve:third.example")
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    third = VisitingServer("third.example")
    event = third.draft("join", room_id, third.user("eve"))
    refused = remote.hand_in(event)
    assert (refused.status, refused.errcode) == (403, "M_FORBIDDEN")


def test_a_room_that_nobody_here_is_in_is_not_found(remote: VisitingServer, alice: Client) -> None:
    room_id = room_of(alice)
    alice.change(room_id, "leave")
    for asked in (room_id, "!nowhere:hearth.example"):
        answer = remote.make("join", asked, remote.user("bob"))
        assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")


def test_a_private_room_and_a_ban_keep_users_out(remote: VisitingServer, alice: Client) -> None:
    bob = remote.user("bob")
    assert remote.make("join", room_of(alice, join_rule="invite"), bob).status == 403
    room_id = room_of(alice)
    event = remote.draft("join", room_id, bob)
    assert alice.change(room_id, "ban", user_id=bob).status == 200
    assert remote.make("join", room_id, bob).status == 403
    answer = remote.hand_in(event)
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    assert events.row_by_id(event.event_id) is None


@pytest.mark.parametrize(
    ("changes", "status", "errcode"),
    [
        ({"type": "m.room.message"}, 400, "M_INVALID_PARAM"),
        ({"content": {"membership": "leave"}}, 400, "M_INVALID_PARAM"),
        ({"state_key": "@other:remote.example"}, 400, "M_INVALID_PARAM"),
        ({"room_id": "!other:hearth.example"}, 400, "M_INVALID_PARAM"),
        ({"sender": "@eve:third.example", "state_key": "@eve:third.example"}, 403, "M_FORBIDDEN"),
        ({"prev_events": ["$unknown"]}, 400, "M_UNKNOWN"),
        ({"auth_events": []}, 403, "M_FORBIDDEN"),
    ],
)
def test_an_event_that_is_no_join_of_the_servers_user_is_refused(
    remote: VisitingServer, alice: Client, changes: dict[str, Any], status: int, errcode: str
) -> None:
    room_id = room_of(alice)
    template = remote.make("join", room_id, remote.user("bob")).body["event"]
    event = remote.sign(template, ROOM_VERSIONS["10"], **changes)
    answer = remote.put(event.pdu, "v2", "send_join", room_id, event.event_id)
    assert (answer.status, answer.errcode) == (status, errcode)


def test_an_event_with_a_float_is_bad_json(remote: VisitingServer, alice: Client) -> None:
    room_id = room_of(alice)
    event = remote.draft("join", room_id, remote.user("bob"))
    content = {**event.pdu["content"], "bad": 1.5}
    answer = remote.put({**event.pdu, "content": content}, "v2", "send_join", room_id, event.event_id)
    assert (answer.status, answer.errcode) == (400, "M_BAD_JSON")


def test_a_join_without_the_servers_signature_is_refused(remote: VisitingServer, alice: Client) -> None:
    room_id = room_of(alice)
    event = remote.draft("join", room_id, remote.user("bob"))
    for signatures in ({}, {remote.name: {remote.key.key_id: "a" * 86}}):
        answer = remote.put({**event.pdu, "signatures": signatures}, "v2", "send_join", room_id, "$x")
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    assert members_of(alice, room_id) == {alice.user_id}


@pytest.mark.parametrize("missing", ["hashes", "signatures"])
def test_a_join_that_was_never_signed_is_refused_like_one_that_was_signed_wrongly(
    remote: VisitingServer, alice: Client, missing: str
) -> None:
    room_id = room_of(alice)
    event = remote.draft("join", room_id, remote.user("bob"))
    pdu = {key: value for key, value in event.pdu.items() if key != missing}
    answer = remote.put(pdu, "v1", "send_join", room_id, "$x")
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


def test_an_acl_keeps_a_server_out(remote: VisitingServer, alice: Client) -> None:
    room_id = room_of(alice)
    event = remote.draft("join", room_id, remote.user("bob"))
    alice.set_state(room_id, "m.room.server_acl", {"allow": ["*"], "deny": ["remote.example"]})
    assert remote.make("join", room_id, remote.user("bob")).status == 403
    assert remote.hand_in(event).status == 403


@pytest.mark.parametrize("version", RESTRICTED)
def test_a_member_of_a_space_is_let_into_its_rooms(
    remote: VisitingServer, alice: Client, version: str
) -> None:
    bob = remote.user("bob")
    space = room_of(alice, version)
    room_id = room_of(alice, version, "restricted", **restricted_to(space))
    refused = remote.make("join", room_id, bob)
    assert (refused.status, refused.errcode) == (403, "M_FORBIDDEN")
    remote.join(space, bob)
    event = remote.draft("join", room_id, bob)
    assert event.content["join_authorised_via_users_server"] == alice.user_id
    answer = remote.hand_in(event)
    assert answer.status == 200, answer
    assert set(answer.body["event"]["signatures"]) == {remote.name, "hearth.example"}
    assert bob in members_of(alice, room_id)


def test_a_join_by_way_of_a_space_that_the_user_has_left_is_refused(
    remote: VisitingServer, alice: Client
) -> None:
    bob = remote.user("bob")
    space = room_of(alice)
    room_id = room_of(alice, "10", "restricted", **restricted_to(space))
    remote.join(space, bob)
    event = remote.draft("join", room_id, bob)
    assert alice.change(space, "kick", user_id=bob).status == 200
    answer = remote.hand_in(event)
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


def test_a_condition_that_cannot_be_checked_here_sends_the_server_elsewhere(
    remote: VisitingServer, alice: Client
) -> None:
    room_id = room_of(alice, "10", "restricted", **restricted_to("!unknown:third.example"))
    answer = remote.make("join", room_id, remote.user("bob"))
    assert (answer.status, answer.errcode) == (400, "M_UNABLE_TO_AUTHORISE_JOIN")


def test_a_server_without_somebody_who_may_invite_cannot_grant_a_join(
    remote: VisitingServer, alice: Client
) -> None:
    bob = remote.user("bob")
    space = room_of(alice)
    room_id = room_of(alice, "10", "restricted", **restricted_to(space))
    remote.join(space, bob)
    levels = alice.get(f"/rooms/{room_id}/state/m.room.power_levels").body
    alice.set_state(room_id, "m.room.power_levels", {**levels, "invite": 100, "users": {alice.user_id: 99}})
    answer = remote.make("join", room_id, bob)
    assert (answer.status, answer.errcode) == (400, "M_UNABLE_TO_GRANT_JOIN")
