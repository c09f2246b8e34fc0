"""A backup of a server in which people talk, restored elsewhere after that server was killed."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.factories.commands import Someone, command, register
from tests.factories.encryption import Key
from tests.real_server import RealServer

pytestmark = pytest.mark.slow

BEFORE, AFTER = 40, 15


class Speaker(threading.Thread):
    """Sends messages until told to stop; `said` are the IDs of those that were acknowledged."""

    def __init__(self, base: str, who: Someone, room: str) -> None:
        super().__init__(daemon=True)
        self._place = base, who, room
        self.said: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        base, who, room = self._place
        number = 0
        while not self.stopped.is_set():
            number += 1
            path = f"/rooms/{quote(room)}/send/m.room.message/t{number}"
            answer = who.ask(base, "PUT", path, {"msgtype": "m.text", "body": str(number)})
            self.said.append(answer["event_id"])

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 60
        while len(self.said) < count:
            assert self.is_alive(), "a message was refused"
            assert time.monotonic() < deadline, "messages take too long"
            time.sleep(0.02)


def one_time_keys(who: Someone) -> tuple[dict[str, Any], dict[str, Any]]:
    key = Key(who.user_id, who.device_id)
    names = [f"signed_curve25519:AAAA{number:02}" for number in range(5)]
    identity = {
        "user_id": who.user_id,
        "device_id": who.device_id,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
        "keys": {key.name: key.public, f"curve25519:{who.device_id}": key.public},
    }
    return key.sign(identity), {name: key.sign({"key": key.public}) for name in names}


def claim(base: str, by: Someone, of: Someone) -> dict[str, Any]:
    wanted = {of.user_id: {of.device_id: "signed_curve25519"}}
    answer = by.ask(base, "POST", "/keys/claim", {"one_time_keys": wanted})
    found: dict[str, Any] = answer["one_time_keys"].get(of.user_id, {}).get(of.device_id, {})
    return found


def sync(base: str, who: Someone, since: str = "") -> dict[str, Any]:
    body: dict[str, Any] = who.ask(base, "GET", f"/sync?timeout=0&since={since}" if since else "/sync")
    return body


def position(token: str) -> int:
    return int("".join(c if c.isdigit() else " " for c in token).split()[0])


def test_what_was_acknowledged_before_a_backup_is_there_after_it(tmp_path: Path, urls: list[str]) -> None:
    first_folder, second_folder = tmp_path / "first", tmp_path / "second"
    first_folder.mkdir()
    second_folder.mkdir()
    first = RealServer(first_folder, database_url=urls[0])
    with first:
        alice, bob = register(first.base, "alice"), register(first.base, "bob")
        room = alice.ask(first.base, "POST", "/createRoom", {"preset": "public_chat"})["room_id"]
        bob.ask(first.base, "POST", f"/join/{quote(room)}", {})
        identity, keys = one_time_keys(alice)
        body = {"device_keys": identity, "one_time_keys": keys}
        alice.ask(first.base, "POST", "/keys/upload", body)
        speaker = Speaker(first.base, bob, room)
        speaker.start()
        speaker.wait_for(BEFORE)
        acknowledged = list(speaker.said)
        [made] = command(first_folder, "backup")["backups"]
        handed_out = set(claim(first.base, bob, alice))
        assert handed_out
        speaker.wait_for(len(speaker.said) + AFTER)
        speaker.stopped.set()
        speaker.join(30)
        since = sync(first.base, alice)["next_batch"]
        assert command(first_folder, "verify-backup")["faults"] == []
        first.crash()
    name = f"127.0.0.1:{first.port}"
    second = RealServer(second_folder, database_url=urls[1], settings={"server": {"name": name}})
    restored = command(second_folder, "restore", made["folder"])
    assert restored["devices"] == 2
    with second:
        for event_id in acknowledged:
            alice.ask(second.base, "GET", f"/rooms/{quote(room)}/event/{quote(event_id)}")
        told = sync(second.base, alice, since)
        assert position(told["next_batch"]) > position(since)
        assert told["device_one_time_keys_count"]["signed_curve25519"] == 1, "it has to upload others"
        assert claim(second.base, bob, alice) == {}
        path = f"/rooms/{quote(room)}/send/m.room.message/new"
        new = bob.ask(second.base, "PUT", path, {"msgtype": "m.text", "body": "I am back"})["event_id"]
        timeline = sync(second.base, alice, since)["rooms"]["join"][room]["timeline"]["events"]
        assert new in [event["event_id"] for event in timeline]
