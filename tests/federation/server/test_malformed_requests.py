"""Requests of other servers in which one value is not what it should be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from matrix_app.federation.inbound import background
from matrix_app.protocol.errors import MatrixError
from matrix_app.protocol.hashes import add_content_hash, event_id_of
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.protocol.signing import add_event_signature
from tests.factories.client import Client
from tests.factories.servers import now_ms
from tests.factories.visiting_server import VisitingServer, path_of

WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    2**63,
    "",
    "\0",
    "x" * 300,
    "@:remote.example",
    [],
    [None],
    ["x"] * 30,
    {},
    {"": None},
    {"x": {"y": []}},
)


def spoilt(value: Any) -> Iterator[Any]:
    """Copies of a JSON value in each of which one thing is wrong, missing or too much."""
    yield from WRONG
    if isinstance(value, dict):
        for key in value:
            yield {other: kept for other, kept in value.items() if other != key}
            for part in spoilt(value[key]):
                yield {**value, key: part}
    if isinstance(value, list):
        for index in range(len(value)):
            for part in spoilt(value[index]):
                yield [*value[:index], part, *value[index + 1 :]]


def refused(remote: VisitingServer, method: str, path: str, body: Any) -> str | None:
    """What is amiss with the answer."""
    answer = remote.request(method, path, body)
    # 502: who is asked because of it, the server itself, does not answer here.
    if answer.status == 200 or (answer.status in {*range(400, 500), 502} and isinstance(answer.errcode, str)):
        return None
    return f"{method} {path} {body!r}: {answer}"


def edus(bob: str, alice: str, room_id: str) -> dict[str, dict[str, Any]]:
    """One of each kind, all of which are taken."""
    key = {"user_id": bob, "keys": {"ed25519:x": "x"}}
    device = {"user_id": bob, "device_id": "A", "keys": {"ed25519:A": "x"}, "algorithms": ["x"]}
    presence = {"user_id": bob, "presence": "online", "last_active_ago": 5, "status_msg": "x"}
    receipt = {"data": {"ts": 1, "thread_id": "main"}, "event_ids": ["$x"]}
    return {
        "m.typing": {"room_id": room_id, "user_id": bob, "typing": True},
        "m.receipt": {room_id: {"m.read": {bob: receipt}}},
        "m.presence": {"push": [presence]},
        "m.device_list_update": {
            **{"user_id": bob, "device_id": "A", "stream_id": 5, "prev_id": [4], "deleted": False},
            **{"device_display_name": "x", "keys": {**device, "signatures": {}}},
        },
        "m.signing_key_update": {
            **{"user_id": bob, "master_key": {**key, "usage": ["master"]}},
            **{"self_signing_key": {**key, "usage": ["self_signing"]}},
        },
        "m.direct_to_device": {
            **{"sender": bob, "type": "m.x", "message_id": "m"},
            **{"messages": {alice: {"*": {"a": 1}}}},
        },
    }


def bodies(bob: str, alice: str, room_id: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What can be sent, but for events."""
    for kind, content in edus(bob, alice, room_id).items():
        edu = {"edu_type": kind, "content": content}
        yield "PUT", path_of("v1", "send", kind), {"origin_server_ts": 1, "pdus": [], "edus": [edu]}
    yield "POST", path_of("v1", "user", "keys", "query"), {"device_keys": {alice: ["A"]}}
    claim = {"one_time_keys": {alice: {"A": "signed_curve25519"}}}
    yield "POST", path_of("v1", "user", "keys", "claim"), claim
    asked = {"earliest_events": ["$x"], "latest_events": ["$y"], "limit": 5, "min_depth": 0}
    yield "POST", path_of("v1", "get_missing_events", room_id), asked
    search = {"limit": 5, "since": "x", "filter": {"generic_search_term": "x", "room_types": [None]}}
    yield "POST", path_of("v1", "publicRooms"), search
    criteria = {"minimum_valid_until_ts": 5}
    yield "POST", "/_matrix/key/v2/query", {"server_keys": {"remote.example": {"ed25519:x": criteria}}}
    bound = {"mxid": alice, "token": "x", "signatures": {"id.example": {"ed25519:0": "x"}}}
    address = {"address": "x@y.z", "medium": "email", "mxid": alice}
    invite = {**address, "room_id": room_id, "sender": bob, "signed": bound}
    yield "PUT", path_of("v1", "3pid", "onbind"), {**address, "invites": [invite]}
    content = {"membership": "invite", "third_party_invite": {"display_name": "x", "signed": bound}}
    event = {
        "type": "m.room.member",
        "room_id": room_id,
        "sender": bob,
        "state_key": alice,
        "content": content,
    }
    yield "PUT", path_of("v1", "exchange_third_party_invite", room_id), event


def test_no_malformed_body_is_an_error_of_this_server(remote: VisitingServer, alice: Client) -> None:
    room_id = alice.create_room(preset="public_chat")
    bob = remote.user("bob")
    remote.join(room_id, bob)
    found = []
    for method, path, body in bodies(bob, alice.user_id, room_id):
        for number, wrong in enumerate(spoilt(body)):
            if isinstance(wrong, dict):
                # Each transaction is a new one.
                where = f"{path}{number}" if "/send/" in path else path
                found.append(refused(remote, method, where, wrong))
    assert [fault for fault in found if fault] == []


def test_an_event_may_be_as_deep_as_one_made_here_and_a_deeper_one_spoils_no_other(
    remote: VisitingServer, alice: Client
) -> None:
    room_id = alice.create_room(preset="public_chat", room_version="10")
    bob = remote.user("bob")
    template = remote.sign(remote.make("join", room_id, bob).body["event"], ROOM_VERSIONS["10"]).pdu
    rules = ROOM_VERSIONS["10"]
    pdus, ids = [], []
    for levels in (1, 99, 100):
        content: dict[str, Any] = {}
        for _ in range(levels - 1):
            content = {"x": content}
        pdu = {**template, "type": "m.room.message", "content": {}, "hashes": {"sha256": "x"}}
        pdu["depth"] = levels
        made = add_event_signature(pdu, rules, remote.name, remote.key)
        pdus.append({**made, "content": content})
        ids.append(str(event_id_of(made, rules)))
    answer = remote.put({"origin": remote.name, "pdus": pdus, "edus": []}, "v1", "send", "1")
    background.finish()
    assert answer.status == 200
    results = answer.body["pdus"]
    assert [bool(results[event_id]) for event_id in ids] == [False, False, True]
    assert "deeply" in results[ids[2]]["error"]


def signed(remote: VisitingServer, pdu: dict[str, Any], version: str) -> tuple[dict[str, Any], str]:
    """The PDU with right hashes and signature, where it can have any; and its ID."""
    rules = ROOM_VERSIONS[version]
    unsigned = {key: value for key, value in pdu.items() if key == "unsigned"}
    try:
        hashed = add_content_hash({key: value for key, value in pdu.items() if key != "unsigned"})
        made = add_event_signature(hashed, rules, remote.name, remote.key)
        return {**made, **unsigned}, str(event_id_of(made, rules))
    except (MatrixError, TypeError, ValueError, KeyError, AttributeError):
        return pdu, "$x"


@pytest.mark.parametrize("version", ["1", "12"])
def test_no_malformed_event_is_an_error_of_this_server(
    remote: VisitingServer, alice: Client, version: str
) -> None:
    room_id = alice.create_room(preset="public_chat", room_version=version)
    draft = remote.draft("join", room_id, remote.user("bob")).pdu
    found = []
    for number, wrong in enumerate(spoilt({**draft, "unsigned": {"age": 5}})):
        if not isinstance(wrong, dict):
            continue
        pdu, event_id = signed(remote, wrong, version)
        found.append(refused(remote, "PUT", path_of("v2", "send_join", room_id, event_id), pdu))
        invite = {"room_version": version, "event": pdu, "invite_room_state": [pdu]}
        found.append(refused(remote, "PUT", path_of("v2", "invite", room_id, event_id), invite))
        transaction = {"origin": remote.name, "origin_server_ts": now_ms(), "pdus": [pdu]}
        found.append(refused(remote, "PUT", path_of("v1", "send", str(number)), transaction))
    background.finish()
    assert [fault for fault in found if fault] == []
