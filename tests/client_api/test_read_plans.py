"""What reading costs: every statement uses an index, and few are needed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest

from matrix_app.storage import db
from tests.client_api.test_relations import relate
from tests.factories.client import Client, ClientFactory
from tests.factories.statements import recorded

# Read whole: a list that a parameter brings, results of other parts of a statement (`c` is a link of a chain
# of snapshots), and tables of a row or two.
_SMALL = [
    "json_each", "sqlite_sequence", "search_progress", "chain", "c", "tree", "above", "child", "chosen",
    "found", "ranked", "newest",
]  # fmt: skip
_SCAN = re.compile(r"^SCAN (\w+)")


def fill(alice: Client, bob: Client) -> tuple[str, str]:
    """A room with a bit of everything, and an event in it that others relate to."""
    room_id = alice.create_room(preset="public_chat", topic="words", creation_content={"type": "m.space"})
    bob.change(room_id, "join")
    root: str = alice.send(room_id, "words").body["event_id"]
    for rel_type in ("m.thread", "m.replace", "m.reference"):
        relate(alice, room_id, root, rel_type)
    alice.set_state(
        room_id, "m.space.child", {"via": ["hearth.example"]}, bob.create_room(preset="public_chat")
    )
    alice.put(f"/rooms/{quote(room_id)}/redact/{relate(bob, room_id, root, 'm.thread')}/x", {})
    return room_id, root


PATHS = [
    "/rooms/{room}/messages?dir=b&limit=100",
    "/rooms/{room}/messages?dir=f&limit=3&filter=%7B%22lazy_load_members%22%3Atrue%7D",
    "/rooms/{room}/context/{event}",
    "/rooms/{room}/event/{event}",
    "/rooms/{room}/state",
    "/rooms/{room}/state/m.room.topic",
    "/rooms/{room}/members",
    "/rooms/{room}/members?at=s1",
    "/rooms/{room}/joined_members",
    "/rooms/{room}/initialSync",
    "/joined_rooms",
    "/initialSync",
    "/_matrix/client/v1/rooms/{room}/relations/{event}",
    "/_matrix/client/v1/rooms/{room}/relations/{event}/m.thread?recurse=true",
    "/_matrix/client/v1/rooms/{room}/threads?include=participated",
    "/_matrix/client/v1/rooms/{room}/hierarchy",
    "/_matrix/client/v1/rooms/{room}/timestamp_to_event?ts=1&dir=f",
    "/_matrix/client/v1/room_summary/{room}",
    "/_matrix/client/v1/mutual_rooms?user_id=@bob:hearth.example",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("left", [False, True])
def test_no_read_goes_through_a_whole_table(clients: ClientFactory, path: str, left: bool) -> None:
    if not db.is_sqlite():
        pytest.skip("on so little data PostgreSQL prefers to read whole tables")
    alice, bob = clients.make(), clients.make("bob")
    room_id, event_id = fill(alice, bob)
    if left:
        bob.change(room_id, "leave")
    with recorded() as seen:
        (bob if left else alice).get(path.format(room=quote(room_id), event=event_id))
    assert seen
    assert [found for sql, parameters in seen for found in scans(sql, parameters)] == []


def scans(sql: str, parameters: Sequence[Any]) -> list[str]:
    """What a statement would read whole."""
    plan = [row[3] for row in db.rows(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    tables = [match[1] for line in plan if (match := _SCAN.match(line))]
    return [f"{table}: {sql}" for table in tables if table not in _SMALL]


def test_a_page_of_messages_takes_few_statements(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    for number in range(30):
        (alice, bob)[number % 2].send(room_id, str(number))
    path = f"/rooms/{quote(room_id)}/messages?dir=b&limit="
    counts = []
    for limit in (2, 2, 30):
        with recorded() as seen:
            assert alice.get(f"{path}{limit}").status == 200
        counts.append(len(seen))
    assert counts[1] == counts[2] <= 12, counts
