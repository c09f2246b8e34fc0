"""Servers in memory that are in a big room, whose answer to a join comes from files and may be spoilt."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson

from matrix_app.federation.growing_file import Sink
from matrix_app.federation.inbound.peers import Check, Faults, Question, nothing
from matrix_app.protocol.errors import InvalidSignature, MatrixError
from matrix_app.protocol.events import Event
from matrix_app.protocol.signing import servers_that_must_sign, verify_event
from matrix_app.services.local_identity import local_identity
from matrix_app.storage.local_server import local_server_name
from tests.bench.big_room import BigRoom, key_of

Pdus = list[dict[str, Any]]


class BigRoomPeers:
    """All servers of a big room. `spoil` changes the state before it is told, `cut` ends the answer early."""

    def __init__(self, folder: Path, *, members: int = 300, state: int = 2000) -> None:
        self.servers = [f"s{number}.example" for number in range(4)]
        self.room = BigRoom(folder, self.servers, members=members, state=state)
        self.questions: list[tuple[str, str]] = []
        self.handed_in: list[dict[str, Any]] = []
        self.verified = 0
        self.spoil: Callable[[Pdus], object] = lambda _state: None
        self.cut: Mapping[str, int] = {}
        # Called before an answer is given.
        self.before_answer: Callable[[], None] = lambda: None

    @property
    def room_id(self) -> str:
        """The ID of the room."""
        return str(self.room.room_id)

    def state(self) -> Pdus:
        """The PDUs of the state."""
        found: Pdus = orjson.loads(b"[" + self.room.state_file.read_bytes() + b"]")
        return found

    def ask(self, server: str, question: Question) -> Any:
        """A template, or what a leave is answered with."""
        parts = self._note(server, question)
        if parts[1].startswith("make_"):
            template = self.room.template(parts[3])
            template["event"]["content"] = {"membership": parts[1].removeprefix("make_")}
            return template
        return {}

    def _note(self, server: str, question: Question) -> list[str]:
        parts = [unquote(part) for part in question.path.split("/")[3:]]
        self.questions.append((server, parts[1]))
        if question.content is not None:
            self.handed_in.append(question.content)
        return parts

    def download(self, server: str, question: Question, into: Sink, check: Check = nothing) -> None:
        """The answer to a join."""
        self._note(server, question)
        self.before_answer()
        check()
        state = self.state()
        self.spoil(state)
        chain = b"[" + self.room.chain_file.read_bytes() + b"]"
        answer = {"event": question.content, "state": state, "auth_chain": orjson.Fragment(chain)}
        text = io.BytesIO(orjson.dumps(answer)[: self.cut.get(server)])
        while chunk := text.read(65536):
            into.write(chunk)

    def ask_all(self, server: str, questions: Sequence[Question]) -> list[Any]:
        """The answers to several questions."""
        return [self.ask(server, question) for question in questions]

    def learn_keys(self, keys: Mapping[tuple[str, str], int], seconds: float, check: Check = nothing) -> None:
        """All keys are known."""

    def faults(self, events: Sequence[Event]) -> list[MatrixError | None]:
        """What is wrong with the signatures of events."""
        self.verified += len(events)
        return [_fault(event) for event in events]

    known_faults = faults

    def begin_known_faults(self, events: Sequence[Event]) -> Faults:
        """The same, done at once."""
        faults = self.faults(events)
        return lambda: faults


def _fault(event: Event) -> MatrixError | None:
    try:
        for server in servers_that_must_sign(event):
            key = local_identity().signing_key if server == local_server_name() else key_of(server)
            verify_event(event.pdu, event.rules, server, key.key_id, key.verify_key)
    except InvalidSignature as error:
        return error
    return None
