"""People who use a homeserver, whichever it is, by the client-server API."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from tests.interop.notes import Notes

T = TypeVar("T")
# How long anything may take to get from one server to the other, on a slow machine.
PATIENCE = 30.0
PASSWORD = "a horse, a battery and a staple"
JsonObject = dict[str, Any]


class Refused(Exception):
    """A server answered with an error."""

    def __init__(self, status: int, content: JsonObject, asked: str) -> None:
        super().__init__(f"{asked}: {status} {content}")
        self.status = status
        self.content = content
        self.errcode = content.get("errcode")


def call(
    base: str,
    method: str,
    path: str,
    body: Any = None,
    *,
    query: Mapping[str, Any] | None = None,
    token: str = "",
    kind: str = "application/json",
) -> tuple[http.client.HTTPResponse, bytes]:
    """The answer to a request and its body, whatever its status. A `body` that is not bytes becomes JSON."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=PATIENCE + 10)
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
    target = path + (f"?{urlencode(query, doseq=True)}" if query else "")
    try:
        connection.request(method, target, data, headers)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def path_of(*segments: str) -> str:
    """A path of the client-server API; each segment is quoted."""
    return "/".join(["/_matrix/client", *(quote(segment, safe="") for segment in segments)])


def eventually(condition: Callable[[], T | None], *, seconds: float = PATIENCE) -> T:
    """What `condition` returns as soon as that is true; refusals count as not yet."""
    deadline, pause, last = time.monotonic() + seconds, 0.02, "it is not so"
    while True:
        try:
            if found := condition():
                return found
        except Refused as refusal:
            last = str(refusal)
        assert time.monotonic() < deadline, f"after {seconds:.0f} s: {last}"
        time.sleep(pause)
        pause = min(0.25, pause * 1.5)


class Person:
    """A user with one device, who notes what syncs bring."""

    def __init__(self, base: str, user_id: str, token: str, device_id: str) -> None:
        self.base, self.user_id, self.token, self.device_id = base, user_id, token, device_id
        self.notes = Notes()

    @property
    def server_name(self) -> str:
        """The name of their homeserver."""
        return self.user_id.partition(":")[2]

    def ask(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON of the answer; raises `Refused`."""
        if body is None and method in ("POST", "PUT"):
            body = {}
        answer, data = call(self.base, method, path, body, query=query, token=self.token)
        content = json.loads(data)
        if answer.status != 200:
            raise Refused(answer.status, content, f"{method} {path}")
        return content

    def get(self, *segments: str, **query: Any) -> Any:
        """GET of a path below /_matrix/client/v3."""
        return self.ask("GET", path_of("v3", *segments), query=query)

    def put(self, *segments: str, body: Any) -> Any:
        """PUT of a path below /_matrix/client/v3."""
        return self.ask("PUT", path_of("v3", *segments), body)

    def post(self, *segments: str, body: Any = None, **query: Any) -> Any:
        """POST of a path below /_matrix/client/v3."""
        return self.ask("POST", path_of("v3", *segments), body, query)

    def second_device(self) -> Person:
        """The same user, signed in once more."""
        user = {"type": "m.id.user", "user": self.user_id}
        body = {"type": "m.login.password", "identifier": user, "password": PASSWORD}
        made = self.post("login", body=body)
        return Person(self.base, self.user_id, made["access_token"], made["device_id"])

    # Rooms

    def create_room(self, version: str, **more: Any) -> str:
        """The ID of a new room that anybody may join, unless `more` says something else."""
        body = {"room_version": version, "preset": "public_chat", **more}
        return str(self.post("createRoom", body=body)["room_id"])

    def join(self, room: str, via: Person | None = None) -> None:
        """Join a room or alias by way of somebody's server."""
        servers = [via.server_name] if via else []
        answer = self.post("join", room, server_name=servers, via=servers)
        assert not room.startswith("!") or answer == {"room_id": room}

    def act(self, what: str, room: str, **body: Any) -> None:
        """Invite, kick, ban, unban or leave."""
        self.post("rooms", room, what, body=body)

    def say(self, room: str, text: str) -> str:
        """The ID of the message."""
        content = {"msgtype": "m.text", "body": text}
        answer = self.put("rooms", room, "send", "m.room.message", secrets.token_hex(8), body=content)
        return str(answer["event_id"])

    def set_state(self, room: str, kind: str, content: JsonObject, state_key: str = "") -> str:
        """The ID of the state event."""
        return str(self.put("rooms", room, "state", kind, state_key, body=content)["event_id"])

    def state_content(self, room: str, kind: str, state_key: str = "") -> JsonObject:
        """The content of one entry of the present state."""
        content: JsonObject = self.get("rooms", room, "state", kind, state_key)
        return content

    def state(self, room: str) -> dict[tuple[str, str], str]:
        """The IDs of the events that are the present state."""
        return {(e["type"], e["state_key"]): e["event_id"] for e in self.get("rooms", room, "state")}

    def event(self, room: str, event_id: str) -> JsonObject:
        """One event."""
        event: JsonObject = self.get("rooms", room, "event", event_id)
        return event

    def membership(self, room: str, user_id: str) -> str | None:
        """A user's membership of a room."""
        for event in self.get("rooms", room, "members")["chunk"]:
            if event["state_key"] == user_id:
                return str(event["content"]["membership"])
        return None

    def history(self, room: str, until: Callable[[list[JsonObject]], bool]) -> list[JsonObject]:
        """Pages back from now until the events that were found, newest first, are enough."""
        found: list[JsonObject] = []
        start: str | None = None
        for _ in range(200):
            query = {"dir": "b", "limit": 20} | ({"from": start} if start else {})
            page = self.get("rooms", room, "messages", **query)
            found += page["chunk"]
            start = page.get("end")
            if until(found):
                return found
            if start is None:
                break
        raise AssertionError(f"the history ended after {len(found)} events, with {found[-1:]}")

    # What syncs bring

    def sync(self, wait_ms: int = 0) -> None:
        """Note what a sync brings."""
        room = {"timeline": {"limit": 200}}
        query = {"timeout": wait_ms, "filter": json.dumps({"room": room})}
        if self.notes.since:
            query["since"] = self.notes.since
        self.notes.add(self.get("sync", **query))

    def until(self, condition: Callable[[Notes], T | None], *, seconds: float = PATIENCE) -> T:
        """Sync until `condition` of the notes is true; what it returned."""
        deadline = time.monotonic() + seconds
        while not (found := condition(self.notes)):
            assert time.monotonic() < deadline, f"not in {seconds:.0f} s of syncing; {self.notes}"
            self.sync(2000)
        return found

    def hears(self, room: str, event_id: str) -> JsonObject:
        """An event of a room's timeline, as a sync brought it."""
        return self.until(lambda notes: notes.timeline(room).get(event_id))


def register(base: str, name: str) -> Person:
    """A new user."""
    body = {
        "username": f"{name}-{secrets.token_hex(4)}",
        "password": PASSWORD,
        "auth": {"type": "m.login.dummy"},
    }
    answer, data = call(base, "POST", path_of("v3", "register"), body)
    assert answer.status == 200, data
    made = json.loads(data)
    return Person(base, made["user_id"], made["access_token"], made["device_id"])
