"""Whose presence servers are told when they come to share a room."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from appliance.config import Config
from appliance.config.current import use_config
from matrix_app.federation.sender import routing
from matrix_app.federation.sender.routing import Router
from matrix_app.storage import db, interning, presence, stream
from matrix_app.storage.clock import now_ms
from matrix_app.storage.presence import PresenceRow
from tests.factories.rooms import ALICE, BOB, StoredRoom
from tests.factories.sending import OtherServers, sending, wait_until

FAR = "@fran:far.example"
NEAR = "@nele:near.example"


@pytest.fixture
def others(transactional_db: None, config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[OtherServers]:
    monkeypatch.setattr(routing, "INTRODUCED_AFTER_SECONDS", 0.0)
    with use_config(
        msgspec.structs.replace(config, presence=msgspec.structs.replace(config.presence, enabled=True))
    ):
        yield OtherServers()


def is_present(user_id: str, state: str = "online") -> None:
    with db.write():
        presence.put_all([PresenceRow(interning.user_nid(user_id), state, None, now_ms(), False, None, 0)])


def told(others: OtherServers, server: str) -> list[tuple[str, str]]:
    pushes = [content["push"] for content in others.edus(server, "m.presence")]
    return [(update["user_id"], update["presence"]) for push in pushes for update in push]


def test_a_server_that_comes_into_a_room_learns_who_is_online_in_it(others: OtherServers) -> None:
    room = StoredRoom(members=[NEAR, BOB, "@carol:hearth.example"])
    is_present(ALICE)
    is_present(BOB, "unavailable")
    is_present("@carol:hearth.example", "offline")
    with sending(others):
        room.join(FAR)
        wait_until(lambda: told(others, "far.example"))
        room.join("@second:far.example")
        room.message(ALICE, "welcome")
        wait_until(lambda: others.bodies("far.example"))
    assert sorted(told(others, "far.example")) == [(ALICE, "online"), (BOB, "unavailable")]
    assert told(others, "near.example") == []


def test_the_servers_of_a_room_learn_whether_who_comes_into_it_is_online(others: OtherServers) -> None:
    room = StoredRoom(members=[NEAR, FAR])
    is_present(BOB)
    with sending(others):
        room.join(BOB)
        wait_until(lambda: told(others, "far.example") and told(others, "near.example"))
        room.state("m.room.member", {"membership": "join", "displayname": "Bob"}, BOB, BOB)
        room.message(ALICE, "welcome")
        wait_until(lambda: others.bodies("far.example"))
    assert told(others, "far.example") == [(BOB, "online")]


def test_a_server_is_given_time_to_read_a_room_before_it_learns_who_is_online_in_it(
    others: OtherServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "INTRODUCED_AFTER_SECONDS", 3600.0)
    room = StoredRoom(members=[])
    is_present(ALICE)
    with sending(others):
        room.join(FAR)
        room.message(ALICE, "welcome")
        wait_until(lambda: others.bodies("far.example"))
    assert told(others, "far.example") == []


def test_what_is_told_of_who_came_into_a_room_is_what_is_true_by_then(
    transactional_db: None, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = Router()
    room = StoredRoom(members=[FAR])
    is_present(BOB, "unavailable")
    before = stream.current_position()
    room.join(BOB)
    with use_config(
        msgspec.structs.replace(config, presence=msgspec.structs.replace(config.presence, enabled=True))
    ):
        router.route(stream.entries_after(before, 100))
    is_present(BOB, "online")
    assert not router.is_to_introduce
    monkeypatch.setattr(routing, "INTRODUCED_AFTER_SECONDS", 0.0)
    [edu] = router.introductions().passing[interning.server_nid("far.example")]
    assert [(update["user_id"], update["presence"]) for update in edu.content["push"]] == [(BOB, "online")]
    assert not router.is_to_introduce


def test_nothing_is_told_while_presence_is_off(others: OtherServers, config: Config) -> None:
    is_present(ALICE)
    with use_config(config), sending(others):
        room = StoredRoom(members=[FAR])
        room.message(ALICE, "welcome")
        wait_until(lambda: others.bodies("far.example"))
    assert told(others, "far.example") == []
