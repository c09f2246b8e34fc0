"""Servers whose users join, leave, knock and invite by signed requests within the process."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote, urlencode

from matrix_app.protocol.event_format import create_event, finish_event
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import ROOM_VERSIONS, RoomVersion
from tests.factories.client import Answer
from tests.factories.servers import RemoteServer

BASE = "/_matrix/federation"


def path_of(*segments: str, **query: str | list[str]) -> str:
    """A path below /_matrix/federation, its segments quoted."""
    path = BASE + "".join("/" + quote(segment, safe="") for segment in segments)
    encoded = urlencode(query, doseq=True)
    return f"{path}?{encoded}" if encoded else path


class VisitingServer(RemoteServer):
    """Another server whose key is known here, and whose users use rooms that live here."""

    def __init__(self, name: str = "remote.example") -> None:
        super().__init__(name)
        self.introduce()

    def user(self, localpart: str) -> str:
        """The ID of a user of the server."""
        return f"@{localpart}:{self.name}"

    def get(self, *segments: str, **query: str | list[str]) -> Answer:
        """GET."""
        return self.request("GET", path_of(*segments, **query))

    def put(self, body: dict[str, Any], *segments: str, **query: str | list[str]) -> Answer:
        """PUT."""
        return self.request("PUT", path_of(*segments, **query), body)

    def post(self, body: dict[str, Any], *segments: str) -> Answer:
        """POST."""
        return self.request("POST", path_of(*segments), body)

    def sign(self, template: dict[str, Any], rules: RoomVersion, **changes: Any) -> Event:
        """The event that a template becomes."""
        pdu = {**template, "origin_server_ts": int(time.time() * 1000), **changes}
        if rules.event_id_format == "domain":
            pdu["event_id"] = f"${time.monotonic_ns()}:{self.name}"
        return finish_event(pdu, rules=rules, key=self.key, server_name=self.name)

    def make(self, membership: str, room_id: str, user_id: str, versions: list[str] | None = None) -> Answer:
        """Ask for the template of a membership."""
        known = list(ROOM_VERSIONS) if versions is None else versions
        return self.get("v1", f"make_{membership}", room_id, user_id, ver=known)

    def draft(self, membership: str, room_id: str, user_id: str) -> Event:
        """The signed event of a membership, not yet handed in."""
        answer = self.make(membership, room_id, user_id)
        assert answer.status == 200, answer
        return self.sign(answer.body["event"], ROOM_VERSIONS[answer.body["room_version"]])

    def hand_in(self, event: Event, *, version: str = "v2", **query: str) -> Answer:
        """Hand a signed membership event in."""
        membership = event.content["membership"]
        return self.put(event.pdu, version, f"send_{membership}", event.room_id, event.event_id, **query)

    def join(self, room_id: str, user_id: str) -> Answer:
        """Join a room."""
        answer = self.hand_in(self.draft("join", room_id, user_id))
        assert answer.status == 200, answer
        return answer

    def event(self, rules: RoomVersion, **fields: Any) -> Event:
        """A new event of the server."""
        values: dict[str, Any] = {
            "prev_events": [],
            "auth_events": [],
            "depth": 5,
            "origin_server_ts": int(time.time() * 1000),
            **fields,
        }
        return create_event(rules=rules, key=self.key, server_name=self.name, **values)
