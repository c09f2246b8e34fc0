"""Another server: its key is known here, and its signed requests are dispatched within the process."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson
from django.test import RequestFactory

from matrix_app.http.dispatch import dispatch
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.event_format import create_event, finish_event
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import ROOM_VERSIONS, RoomVersion
from matrix_app.protocol.signing import SigningKey
from matrix_app.protocol.x_matrix import sign_request
from matrix_app.storage import db, server_keys
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.server_keys import StoredKey
from tests.factories.client import Answer

_requests = RequestFactory()
_DAY_MS = 86_400_000
BASE = "/_matrix/federation"


def path_of(*segments: str, **query: str | list[str]) -> str:
    """A path below /_matrix/federation, its segments quoted."""
    path = BASE + "".join("/" + quote(segment, safe="") for segment in segments)
    encoded = urlencode(query, doseq=True)
    return f"{path}?{encoded}" if encoded else path


class RemoteServer:
    """A server with a key that is valid for a day."""

    def __init__(self, name: str = "remote.example") -> None:
        self.name = name
        self.key = SigningKey.generate()
        now = int(time.time() * 1000)
        key = StoredKey(name, self.key.key_id, self.key.verify_key, now + _DAY_MS, None, now)
        with db.write():
            server_keys.put([key], b"{}", direct=True)

    def user(self, localpart: str) -> str:
        """The ID of a user of the server."""
        return f"@{localpart}:{self.name}"

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        """Send a signed request."""
        content = None if body is None else encode_canonical(body, lenient=True)
        header = sign_request(method, path, self.name, local_server_name(), content, self.key)
        http = _requests.generic(
            method, path, content or b"", content_type="application/json", headers={"Authorization": header}
        )
        http.META["hearth.raw_path"] = urlsplit(path).path
        response = dispatch(http)
        content = b"".join(response)
        return Answer(response.status_code, orjson.loads(content) if content else None)

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
