"""Servers in memory that let users of this one into their room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from matrix_app.federation.inbound.peers import Question
from matrix_app.protocol.errors import InvalidSignature, MatrixError, RemoteError
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import event_id_of
from matrix_app.protocol.signing import (
    add_event_signature,
    servers_that_must_sign,
    verify_event,
)
from matrix_app.services.local_identity import local_identity
from matrix_app.storage.local_server import local_server_name
from tests.factories.fake_peers import FakePeers, SignedRoom, join_servers, key_of


class ResidentServers(FakePeers):
    """All other servers: those in `refusing` refuse or are silent, the others are in the room."""

    def __init__(self, room: SignedRoom) -> None:
        super().__init__(room)
        self.refusing: dict[str, MatrixError] = {}
        self.questions: list[tuple[str, str]] = []
        self.handed_in: list[Event] = []
        self.authoriser: str | None = None
        # What is said of the room in place of the truth.
        self.lies: dict[str, Any] = {}
        self.only_v1 = False
        self.names_versions = True
        # What is said against every event that is handed in.
        self.refusing_joins: MatrixError | None = None

    def ask(self, server: str, question: Question) -> Any:
        """The answer of a server."""
        parts = [unquote(part) for part in question.path.split("/")[3:]]
        self.questions.append((server, parts[1]))
        if server in self.refusing:
            raise self.refusing[server]
        if parts[1].startswith("make_"):
            return self._template(parts[1].removeprefix("make_"), parts[3])
        if parts[1].startswith("send_"):
            if self.refusing_joins is not None:
                raise self.refusing_joins
            if self.only_v1 and parts[0] == "v2":
                raise RemoteError(server, 404, {"errcode": "M_UNRECOGNIZED"})
            answer = self._take(server, parts[1].removeprefix("send_"), question.content or {})
            return [200, answer] if parts[0] == "v1" and parts[1] != "send_knock" else answer
        return super().ask(server, question)

    def _template(self, kind: str, user_id: str) -> dict[str, Any]:
        draft = SignedRoom.fork(self.room)
        content = {} if self.authoriser is None else {"join_authorised_via_users_server": self.authoriser}
        pdu = draft.member(user_id, user_id, kind, **content).pdu
        version = {"room_version": self.room.rules.identifier} if self.names_versions else {}
        return {"event": pdu, **version}

    def _take(self, server: str, kind: str, pdu: dict[str, Any]) -> dict[str, Any]:
        rules = self.room.rules
        self.learn(*self.room.events)
        if self.authoriser is not None:
            pdu = add_event_signature(pdu, rules, server, key_of(server))
        event = Event(pdu, event_id_of(pdu, rules), rules)
        state = list(self.room.state.values())
        self.handed_in.append(event)
        if kind == "knock":
            shown = [found.pdu for found in state if found.type != "m.room.member"]
            return {"knock_room_state": shown} | self.lies
        chain = self._chain([found.event_id for found in state])
        answer: dict[str, Any] = {
            "origin": server,
            "state": [found.pdu for found in state],
            "auth_chain": self._pdus(chain),
            "event": pdu,
            "members_omitted": False,
        }
        if kind == "join":
            self.learn(event)
            self.room.apply(event)
        return answer | self.lies

    def faults(self, events: Sequence[Event]) -> list[MatrixError | None]:
        """What is wrong with the signatures of events."""
        return [_fault(event) for event in events]


def _fault(event: Event) -> MatrixError | None:
    try:
        for server in (*servers_that_must_sign(event), *join_servers(event)):
            key = local_identity().signing_key if server == local_server_name() else key_of(server)
            verify_event(event.pdu, event.rules, server, key.key_id, key.verify_key)
    except InvalidSignature as error:
        return error
    return None
