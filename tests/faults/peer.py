"""A homeserver in the test's own process that does as it is told: also what no server should do."""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from aiohttp import web

from matrix_app.protocol.event_format import create_event, finish_event
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import event_id_of
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from tests.factories.servers import RemoteServer
from tests.real_server import free_port

VERSION = "11"
RULES = ROOM_VERSIONS[VERSION]
JsonObject = dict[str, Any]


class Call(NamedTuple):
    """A request to a peer: the endpoint, the rest of its path, and its body."""

    http: web.BaseRequest
    endpoint: str
    rest: list[str]
    body: JsonObject


Answering = Callable[[Call], Awaitable[web.StreamResponse]]


class Home(NamedTuple):
    """The server under test: its name, and where it listens."""

    name: str
    base: str


class Joined:
    """A room of the server under test as a peer sees it: its end, and why its user may speak."""

    def __init__(self, room_id: str, join: Event, auth: list[Event]) -> None:
        self.room_id = room_id
        self.last = join
        self.auth = auth


class Peer(RemoteServer):
    """Listens on a loopback port with a thread of its own. Its name is that address."""

    def __init__(self, home: Home, context: ssl.SSLContext, host: str = "127.0.0.1") -> None:
        self.port = free_port()
        super().__init__(f"{host}:{self.port}")
        self.home = home
        self.user_id = f"@user:{self.name}"
        self.events: dict[str, Event] = {}
        # In place of the honest answer, by endpoint.
        self.answers: dict[str, Answering] = {}
        self.calls: list[str] = []
        # By event ID: the transactions with it that were accepted.
        self.accepted: dict[str, set[str]] = defaultdict(set)
        self.edus: list[JsonObject] = []
        self.offered = 0
        self._host, self._context = host, context
        self._txn = itertools.count(time.time_ns())
        self._runner: web.ServerRunner | None = None
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name=self.name, daemon=True).start()
        self.come_back()

    # Being there or not

    def come_back(self) -> None:
        """Listen."""
        self._do(self._listen()).result(10)

    def go_away(self) -> None:
        """Listen no more, and break off what is under way."""
        self._do(self._stop()).result(10)

    def close(self) -> None:
        """End for good."""
        self.go_away()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def recover(self) -> None:
        """Be an honest server again; what hangs is broken off."""
        self.answers.clear()
        self.go_away()
        self.come_back()

    def _do(self, coroutine: Coroutine[Any, Any, None]) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _listen(self) -> None:
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.05)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self.port, ssl_context=self._context).start()

    async def _stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    # Answering

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        parts = [unquote(part) for part in request.path.split("/")[2:]]
        endpoint, rest = ("keys", parts) if parts[0] == "key" else (parts[2], parts[3:])
        data = await request.read()
        self.calls.append(endpoint)
        call = Call(request, endpoint, rest, json.loads(data) if data else {})
        self.offered += len(call.body.get("pdus", []))
        if endpoint in self.answers:
            return await self.answers[endpoint](call)
        return self.honest(call)

    def honest(self, call: Call) -> web.Response:
        """The answer of a server that has nothing to hide."""
        answer = getattr(self, f"_{call.endpoint}", None)
        if answer is None:
            return web.json_response({"errcode": "M_UNRECOGNIZED", "error": "No"}, status=404)
        found = answer(call)
        return web.json_response(found, status=404 if "errcode" in found else 200)

    def _keys(self, _call: Call) -> JsonObject:
        return self.keys()

    def _send(self, call: Call) -> JsonObject:
        self.accept(call)
        return {"pdus": {}}

    def accept(self, call: Call) -> None:
        """Take what a transaction brings."""
        for pdu in call.body["pdus"]:
            event = Event(pdu, event_id_of(pdu, RULES), RULES)
            self.accepted[event.event_id].add(call.rest[0])
            self.events.setdefault(event.event_id, event)
        self.edus += call.body["edus"]

    def _event(self, call: Call) -> JsonObject:
        event = self.events.get(call.rest[0])
        return {"errcode": "M_NOT_FOUND"} if event is None else {"pdus": [event.pdu]}

    def _get_missing_events(self, call: Call) -> JsonObject:
        stop = set(call.body["earliest_events"])
        found: list[JsonObject] = []
        waiting = list(call.body["latest_events"])
        while waiting and len(found) < call.body["limit"]:
            event = self.events.get(waiting.pop(0))
            for name in event.prev_event_ids if event else []:
                if name in self.events and name not in stop:
                    stop.add(name)
                    found.append(self.events[name].pdu)
                    waiting.append(name)
        return {"events": found[::-1]}

    # Speaking

    def ask(self, method: str, path: str, body: JsonObject | None = None) -> tuple[int, JsonObject]:
        """Ask the server under test by a signed request; status and JSON of the answer."""
        headers = {
            "Authorization": self.authorization(method, path, body, self.home.name),
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.home.base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def join(self, room_id: str) -> Joined:
        """Let the user join a room of the server under test."""
        base, room = "/_matrix/federation", quote(room_id, safe="")
        target = f"{base}/v1/make_join/{room}/{quote(self.user_id, safe='')}?ver={VERSION}"
        status, template = self.ask("GET", target)
        assert status == 200, template
        pdu = {**template["event"], "origin_server_ts": int(time.time() * 1000)}
        event = finish_event(pdu, rules=RULES, key=self.key, server_name=self.name)
        target = f"{base}/v2/send_join/{room}/{quote(event.event_id, safe='')}?omit_members=true"
        status, answer = self.ask("PUT", target, event.pdu)
        assert status == 200, answer
        state = [Event(found, event_id_of(found, RULES), RULES) for found in answer["state"]]
        auth = [found for found in state if found.type in ("m.room.create", "m.room.power_levels")]
        for found in [*state, event]:
            self.events[found.event_id] = found
        return Joined(room_id, event, [*auth, event])

    def make(self, room: Joined, type: str, content: JsonObject, **fields: Any) -> Event:
        """An event on the end of a room, which is not moved."""
        values: JsonObject = {
            "room_id": room.room_id,
            "sender": self.user_id,
            "type": type,
            "content": content,
            "prev_events": [room.last],
            "auth_events": room.auth,
            "depth": room.last.depth + 1,
            "state_key": None,
            "origin_server_ts": int(time.time() * 1000),
            **fields,
        }
        return create_event(rules=RULES, key=self.key, server_name=self.name, **values)

    def message(self, room: Joined, body: str, **fields: Any) -> Event:
        """A message, which becomes the end of the room."""
        room.last = self.make(room, "m.room.message", {"msgtype": "m.text", "body": body}, **fields)
        self.events[room.last.event_id] = room.last
        return room.last

    def send(self, *sent: Event, txn_id: str | None = None, edus: Any = ()) -> tuple[int, JsonObject]:
        """Bring events to the server under test in one transaction."""
        body = {
            "origin": self.name,
            "origin_server_ts": int(time.time() * 1000),
            "pdus": [event.pdu for event in sent],
            "edus": list(edus),
        }
        return self.ask("PUT", f"/_matrix/federation/v1/send/{txn_id or next(self._txn)}", body)

    def show_life(self) -> None:
        """A signed request."""
        status, answer = self.send()
        assert status == 200, answer
