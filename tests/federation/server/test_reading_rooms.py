"""What servers may read of rooms: events, states, auth chains and history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from matrix_app.protocol.hashes import check_content_hash, event_id_of
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.storage import events
from tests.factories.client import Client
from tests.factories.visiting_server import VisitingServer

V10 = ROOM_VERSIONS["10"]


class SharedRoom:
    """A room of Alice that Bob of the other server has joined."""

    def __init__(self, remote: VisitingServer, alice: Client, **fields: Any) -> None:
        self.alice = alice
        self.room_id = alice.create_room(preset="public_chat", room_version="10", **fields)
        self.first = self.send("before the join")
        self.bob = remote.user("bob")
        remote.join(self.room_id, self.bob)

    def send(self, body: str) -> str:
        return str(self.alice.send(self.room_id, body).body["event_id"])

    def set_visibility(self, visibility: str) -> None:
        content = {"history_visibility": visibility}
        assert self.alice.set_state(self.room_id, "m.room.history_visibility", content).status == 200


@pytest.fixture
def room(remote: VisitingServer, alice: Client) -> SharedRoom:
    return SharedRoom(remote, alice)


def ids_of(pdus: Iterable[dict[str, Any]]) -> list[str]:
    return [event_id_of(pdu, V10) for pdu in pdus]


def texts_of(pdus: Iterable[dict[str, Any]]) -> list[Any]:
    return [pdu["content"].get("body") for pdu in pdus if pdu["type"] == "m.room.message"]


READS: list[tuple[str, ...]] = [
    ("state", "{room}", "event_id"),
    ("state_ids", "{room}", "event_id"),
    ("event_auth", "{room}/{event}", ""),
    ("backfill", "{room}", "v"),
    ("timestamp_to_event", "{room}", "ts"),
    ("rooms/{room}/complexity", "", ""),
]


def read(remote: VisitingServer, what: tuple[str, ...], room_id: str, event_id: str) -> Any:
    endpoint, path, parameter = (part.format(room=room_id, event=event_id) for part in what)
    segments = [part for part in (*endpoint.split("/"), *path.split("/")) if part]
    queries: dict[str, dict[str, str]] = {
        "event_id": {"event_id": event_id},
        "v": {"v": event_id, "limit": "10"},
        "ts": {"ts": "0", "dir": "f"},
        "": {},
    }
    return remote.get("v1", *segments, **queries[parameter])


@pytest.mark.parametrize("what", READS, ids=lambda what: what[0].split("/")[0])
def test_only_servers_in_a_room_that_its_acl_allows_read_it(
    remote: VisitingServer, room: SharedRoom, what: tuple[str, ...]
) -> None:
    third = VisitingServer("third.example")
    assert read(remote, what, room.room_id, room.first).status == 200
    assert read(third, what, room.room_id, room.first).status == 403
    assert read(remote, what, "!nowhere:hearth.example", room.first).status == 404
    room.alice.set_state(room.room_id, "m.room.server_acl", {"allow": ["*"], "deny": ["remote.*"]})
    answer = read(remote, what, room.room_id, room.first)
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


@pytest.mark.parametrize("what", ["state", "state_ids"])
def test_the_state_is_that_before_the_event_in_its_own_room(
    remote: VisitingServer, room: SharedRoom, what: str
) -> None:
    topic = room.alice.set_state(room.room_id, "m.room.topic", {"topic": "News"}).body["event_id"]
    later = room.send("later")
    for event_id, has_topic in ((topic, False), (later, True)):
        body = remote.get("v1", what, room.room_id, event_id=event_id).body
        listed = body["pdu_ids"] if what == "state_ids" else ids_of(body["pdus"])
        chain = body["auth_chain_ids"] if what == "state_ids" else ids_of(body["auth_chain"])
        assert (topic in listed) is has_topic
        found = events.rows_by_id([*listed, *chain]).values()
        for row in found:
            assert set(chain).issuperset(events.parse(row).auth_event_ids)
    assert remote.get("v1", what, room.room_id).errcode == "M_MISSING_PARAM"
    other = SharedRoom(remote, room.alice)
    for event_id in (other.first, "$unknown"):
        answer = remote.get("v1", what, room.room_id, event_id=event_id)
        assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")


def test_an_event_comes_as_a_transaction(remote: VisitingServer, room: SharedRoom) -> None:
    body = remote.get("v1", "event", room.first).body
    assert body["origin"] == "hearth.example"
    assert isinstance(body["origin_server_ts"], int)
    assert ids_of(body["pdus"]) == [room.first]
    assert texts_of(body["pdus"]) == ["before the join"]
    assert remote.get("v1", "event", "$unknown").status == 404
    assert VisitingServer("third.example").get("v1", "event", room.first).status == 403


def test_a_redacted_event_comes_without_its_content(remote: VisitingServer, room: SharedRoom) -> None:
    room.alice.put(f"/rooms/{room.room_id}/redact/{room.first}/r1", {})
    (pdu,) = remote.get("v1", "event", room.first).body["pdus"]
    assert pdu["content"] == {}
    assert event_id_of(pdu, V10) == room.first


def test_what_none_of_its_users_could_see_comes_without_its_content(
    remote: VisitingServer, room: SharedRoom
) -> None:
    zoe = VisitingServer("third.example")
    room.set_visibility("joined")
    hidden = room.send("a secret")
    zoe.join(room.room_id, zoe.user("zoe"))
    shown = room.send("for all")
    (pdu,) = zoe.get("v1", "event", hidden).body["pdus"]
    assert pdu["content"] == {}
    assert texts_of(zoe.get("v1", "event", shown).body["pdus"]) == ["for all"]
    assert texts_of(remote.get("v1", "event", hidden).body["pdus"]) == ["a secret"]
    pdus = zoe.get("v1", "backfill", room.room_id, v=shown, limit="3").body["pdus"]
    assert texts_of(pdus) == ["for all", None]


def test_the_auth_chain_of_an_event_is_whole(remote: VisitingServer, room: SharedRoom) -> None:
    chain = remote.get("v1", "event_auth", room.room_id, room.first).body["auth_chain"]
    row = events.row_by_id(room.first)
    assert row is not None
    wanted = set(events.parse(row).auth_event_ids)
    for pdu in chain:
        wanted |= set(pdu["auth_events"])
        assert check_content_hash(pdu)
    assert set(ids_of(chain)) == wanted
    assert remote.get("v1", "event_auth", room.room_id, "$unknown").status == 404


def test_backfill_goes_back_from_events_that_it_includes(remote: VisitingServer, room: SharedRoom) -> None:
    sent = [room.send(f"number {number}") for number in range(5)]
    body = remote.get("v1", "backfill", room.room_id, v=sent[3], limit="3").body
    assert ids_of(body["pdus"]) == [sent[3], sent[2], sent[1]]
    everything = remote.get("v1", "backfill", room.room_id, v=sent[-1], limit="500").body["pdus"]
    assert everything[-1]["type"] == "m.room.create"
    assert len(everything) == len({*ids_of(everything)})
    assert remote.get("v1", "backfill", room.room_id, v=sent[-1], limit="0").body["pdus"] == []


def test_backfill_leaves_out_events_of_other_rooms(remote: VisitingServer, room: SharedRoom) -> None:
    other = SharedRoom(remote, room.alice)
    body = remote.get("v1", "backfill", room.room_id, v=[other.first, "$unknown"], limit="10").body
    assert body["pdus"] == []
    assert remote.get("v1", "backfill", room.room_id, limit="10").errcode == "M_MISSING_PARAM"
    assert remote.get("v1", "backfill", room.room_id, v=other.first).errcode == "M_MISSING_PARAM"


def missing(remote: VisitingServer, room_id: str, **body: Any) -> list[str]:
    answer = remote.post(body, "v1", "get_missing_events", room_id)
    assert answer.status == 200, answer
    return ids_of(answer.body["events"])


def test_missing_events_are_those_in_between_oldest_first(remote: VisitingServer, room: SharedRoom) -> None:
    sent = [room.send(f"number {number}") for number in range(6)]
    ends = {"earliest_events": [sent[0]], "latest_events": [sent[5]]}
    assert missing(remote, room.room_id, **ends) == sent[1:5]
    assert missing(remote, room.room_id, **ends, limit=2) == sent[3:5]
    depth = 1 + next(row.depth for row in events.rows_by_id([sent[2]]).values())
    assert missing(remote, room.room_id, **ends, min_depth=depth) == sent[3:5]
    assert missing(remote, room.room_id) == []
    other = SharedRoom(remote, room.alice)
    assert missing(remote, room.room_id, latest_events=[other.first]) == []


def test_missing_events_want_a_body_of_the_right_form(remote: VisitingServer, room: SharedRoom) -> None:
    answer = remote.post({"latest_events": "x"}, "v1", "get_missing_events", room.room_id)
    assert (answer.status, answer.errcode) == (400, "M_BAD_JSON")
    third = VisitingServer("third.example")
    assert third.post({}, "v1", "get_missing_events", room.room_id).status == 403


def test_the_event_closest_to_a_time_is_found(remote: VisitingServer, room: SharedRoom) -> None:
    last = room.send("the last")
    ts = next(row.origin_server_ts for row in events.rows_by_id([last]).values())
    asked = ("v1", "timestamp_to_event", room.room_id)
    body = remote.get(*asked, ts=str(ts + 5), dir="b").body
    assert body == {"event_id": last, "origin_server_ts": ts}
    assert remote.get(*asked, ts=str(ts + 5), dir="f").status == 404
    assert remote.get(*asked, ts=str(ts), dir="x").errcode == "M_INVALID_PARAM"
    assert remote.get(*asked, dir="f").errcode == "M_MISSING_PARAM"
    assert remote.get(*asked, ts="never", dir="f").errcode == "M_INVALID_PARAM"


def test_complexity_counts_the_present_state(remote: VisitingServer, room: SharedRoom) -> None:
    before = remote.get("unstable", "rooms", room.room_id, "complexity").body["v1"]
    room.alice.set_state(room.room_id, "org.example", {}, "one")
    assert remote.get("unstable", "rooms", room.room_id, "complexity").body["v1"] == before + 1 / 500
