"""Other servers in memory: rooms whose events they sign, and their answers to questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

import orjson

from matrix_app.federation.growing_file import Sink
from matrix_app.federation.inbound.peers import Check, Faults, Question, nothing
from matrix_app.protocol.errors import (
    InvalidSignature,
    KeysUnknown,
    MatrixError,
    RemoteUnreachable,
)
from matrix_app.protocol.event_format import finish_event
from matrix_app.protocol.events import Event
from matrix_app.protocol.signing import (
    SigningKey,
    server_that_authorised,
    servers_that_must_sign,
    verify_event,
)
from tests.factories.events import RoomBuilder, domain_of


def key_of(server: str) -> SigningKey:
    """The key of a server."""
    return SigningKey("test", sha256(server.encode()).digest())


class SignedRoom(RoomBuilder):
    """A room whose events are hashed and signed by the servers of their senders."""

    before: dict[str, list[str]]

    def make(self, type: str, sender: str, content: dict[str, Any] | None = None, **fields: Any) -> Event:
        """The next event, signed."""
        drawn = super().make(type, sender, content, **fields)
        server = domain_of(sender)
        return finish_event(drawn.pdu, rules=self.rules, key=key_of(server), server_name=server)

    def fork(self) -> SignedRoom:
        """An independent room with the same past."""
        other = SignedRoom.__new__(SignedRoom)
        other.__dict__.update(super().fork().__dict__)
        return other

    def apply(self, event: Event) -> None:
        """Append an event, and keep what the state before it was."""
        if not hasattr(self, "before"):
            self.before = {}
        self.before[event.event_id] = [found.event_id for found in self.state.values()]
        super().apply(event)


class FakePeers:
    """Every other server: they know all events that they were given, and count what they are asked."""

    def __init__(self, room: SignedRoom) -> None:
        self.room = room
        self.known = {event.event_id: event for event in room.events}
        self.hidden: set[str] = set()
        self.asked: list[str] = []
        self.silent = False
        # What is said of times in place of the truth.
        self.closest: dict[str, Any] | None = None
        # Servers whose keys nobody has.
        self.strangers: set[str] = set()

    def learn(self, *events: Event) -> None:
        """Know these events too."""
        self.known.update((event.event_id, event) for event in events)

    def ask(self, server: str, question: Question) -> Any:
        """The answer of whoever is asked."""
        parts = [unquote(part) for part in question.path.split("/")[4:]]
        self.asked.append(parts[0])
        if self.silent:
            raise RemoteUnreachable("No answer")
        query = dict(question.query or {})
        return getattr(self, f"_{parts[0]}")(*parts[1:], **query, **(question.content or {}))

    def download(self, server: str, question: Question, into: Sink, check: Check = nothing) -> None:
        """The answer of whoever is asked, in a file."""
        check()
        into.write(orjson.dumps(self.ask(server, question)))

    def learn_keys(self, keys: Mapping[tuple[str, str], int], seconds: float, check: Check = nothing) -> None:
        """All keys are known."""

    def ask_all(self, server: str, questions: Sequence[Question]) -> list[Any]:
        """The answers of whoever is asked."""
        answers: list[Any] = []
        for question in questions:
            try:
                answers.append(self.ask(server, question))
            except MatrixError as error:
                answers.append(error)
        return answers

    def faults(self, events: Sequence[Event]) -> list[MatrixError | None]:
        """What is wrong with the signatures of events."""
        return [
            KeysUnknown() if domain_of(event.sender) in self.strangers else _fault(event) for event in events
        ]

    def known_faults(self, events: Sequence[Event]) -> list[MatrixError | None]:
        """The same: their keys are known."""
        return self.faults(events)

    def begin_known_faults(self, events: Sequence[Event]) -> Faults:
        """The same, done at once."""
        faults = self.known_faults(events)
        return lambda: faults

    def _pdus(self, event_ids: Sequence[str]) -> list[dict[str, Any]]:
        return [self.known[name].pdu for name in event_ids if name in self.known and name not in self.hidden]

    def _event(self, event_id: str) -> dict[str, Any]:
        return {"pdus": self._pdus([event_id])}

    def _get_missing_events(
        self, room_id: str, earliest_events: list[str], latest_events: list[str], limit: int, min_depth: int
    ) -> dict[str, Any]:
        found: list[str] = []
        pending = list(latest_events)
        while pending and len(found) < limit:
            event = self.known.get(pending.pop(0))
            for name in event.prev_event_ids if event is not None else []:
                if name not in earliest_events and name not in found and name not in self.hidden:
                    found.append(name)
                    pending.append(name)
        return {"events": self._pdus(found[:limit][::-1])}

    def _state_ids(self, room_id: str, event_id: str) -> dict[str, Any]:
        state = self.room.before[event_id]
        return {"pdu_ids": state, "auth_chain_ids": self._chain(state)}

    def _state(self, room_id: str, event_id: str) -> dict[str, Any]:
        state = self.room.before[event_id]
        return {"pdus": self._pdus(state), "auth_chain": self._pdus(self._chain(state))}

    def _event_auth(self, room_id: str, event_id: str) -> dict[str, Any]:
        return {"auth_chain": self._pdus(self._chain([event_id]))}

    def _backfill(self, room_id: str, v: str, limit: str) -> dict[str, Any]:
        found: list[str] = []
        pending = [v]
        while pending and len(found) < int(limit):
            name = pending.pop(0)
            if name in self.known and name not in found:
                found.append(name)
                pending += self.known[name].prev_event_ids
        return {"pdus": self._pdus(found)}

    def _timestamp_to_event(self, room_id: str, ts: str, dir: str) -> dict[str, Any]:
        sent = {event.pdu["origin_server_ts"]: event.event_id for event in self.room.events}
        at = max(t for t in sent if t <= int(ts)) if dir == "b" else min(t for t in sent if t >= int(ts))
        return self.closest or {"event_id": sent[at], "origin_server_ts": at}

    def _chain(self, event_ids: Sequence[str]) -> list[str]:
        chain: set[str] = set()
        pending = list(event_ids)
        while pending:
            for name in self.known[pending.pop()].auth_event_ids:
                if name not in chain:
                    chain.add(name)
                    pending.append(name)
        return sorted(chain)


def _fault(event: Event) -> MatrixError | None:
    try:
        for server in (*servers_that_must_sign(event), *join_servers(event)):
            key = key_of(server)
            verify_event(event.pdu, event.rules, server, key.key_id, key.verify_key)
    except InvalidSignature as error:
        return error
    # Nobody here lets users do anything else than join.
    event.is_unauthorised = not join_servers(event) and server_that_authorised(event) is not None
    return None


def join_servers(event: Event) -> list[str]:
    """The server that let a user join, where there is one."""
    server = server_that_authorised(event)
    return [server] if server is not None and event.content.get("membership") == "join" else []
