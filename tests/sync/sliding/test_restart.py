"""A client of sliding sync whose server is killed and starts again."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from matrix_app.client_api.sliding_sync import PATH
from tests.factories.sliding import room_list
from tests.real_server import RealServer

pytestmark = pytest.mark.slow


class _Caller:
    def __init__(self, base: str) -> None:
        self.base = base
        self.token = ""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A request; its answer."""
        request = urllib.request.Request(
            self.base + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def send(self, room_id: str, body: str) -> None:
        """Send a message."""
        content = {"msgtype": "m.text", "body": body}
        self.call("PUT", f"/_matrix/client/v3/rooms/{room_id}/send/m.room.message/{body}", content)


def test_a_connection_goes_on_after_a_crash(tmp_path: Path) -> None:
    with RealServer(tmp_path) as server:
        caller = _Caller(server.base)
        account = {"username": "alice", "password": "wonderland", "auth": {"type": "m.login.dummy"}}
        caller.token = caller.call("POST", "/_matrix/client/v3/register", account)["access_token"]
        rooms = [caller.call("POST", "/_matrix/client/v3/createRoom", {})["room_id"] for _ in range(3)]
        body = {"conn_id": "phone", "lists": {"all": room_list()}}
        pos = caller.call("POST", PATH, body)["pos"]
        caller.send(rooms[0], "before")
        server.crash()
        server.start()
        caller.send(rooms[1], "after")
        answer = caller.call("POST", f"{PATH}?pos={pos}&timeout=10000", body)
        told = {
            room_id: (room.get("initial", False), [event["content"]["body"] for event in room["timeline"]])
            for room_id, room in answer["rooms"].items()
        }
        assert told == {rooms[0]: (False, ["before"]), rooms[1]: (False, ["after"])}
