"""One join of a room that this server is not in, or cannot let its user into ("Joining Rooms")."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import orjson
import structlog

from appliance.config import get_config
from matrix_app.federation.growing_file import GrowingFile
from matrix_app.federation.outbound.entering import HandedIn, take_in
from matrix_app.federation.outbound.handshake import complete, first_of, hand_in_join, make
from matrix_app.federation.outbound.leave import leave
from matrix_app.federation.second_hand import second_hand
from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.errors import MatrixError
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import event_id_of
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.services import joining, remote_joins
from matrix_app.services.blocked_rooms import refuse_blocked
from matrix_app.services.known_rooms import is_here
from matrix_app.services.policy_lists.enforcement import refuse_join
from matrix_app.services.received_events import is_stored
from matrix_app.services.room_succession import carry_over, predecessor_of
from matrix_app.services.room_writer import read_room
from matrix_app.storage import db, invite_state, long_tasks, rooms
from matrix_app.storage.clock import now_ms
from matrix_app.storage.long_tasks import LongTaskRow
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.sync import wakeups

# Answers up to so many bytes stay in memory, are asked for again after a restart, and need not wait for
# bigger ones.
SMALL: Final = 1 << 20

_log = structlog.get_logger("matrix_app.federation.outbound")


class JoinCancelledError(Exception):
    """Somebody has asked for the end of the join."""


class JoinInterruptedError(Exception):
    """This process is to end: another goes on with the join."""


class Position(NamedTuple):
    """How far a join is, for those who look: `total` is None while nobody knows how much there is to do."""

    step: str = "asking"
    done: int = 0
    total: int | None = None


class Join:
    """A join at work. It may be run again after an interruption at any place, and goes on from there."""

    def __init__(self, row: LongTaskRow, heavy: threading.Semaphore | None = None) -> None:
        self.nid = row.nid
        self.wanted = remote_joins.wanted_in(row)
        self.position = Position()
        self.is_cancelled = False
        self.is_interrupted = False
        # {"server", "version", "event", "answer"}: the join that was handed in, and the size of its answer.
        self._checkpoint: dict[str, Any] = row.checkpoint
        self._heavy = heavy or threading.Semaphore()
        self._taken: HandedIn | None = None
        self._is_ended = False

    @property
    def answer_path(self) -> Path:
        """Where the answer of the server is kept."""
        return answers_folder() / f"{self.nid}.json"

    def run(self) -> None:
        """Join, and store what came of it; raises `JoinInterruptedError` when it is to be gone on with."""
        try:
            self.check()
            self._join()
        except JoinCancelledError:
            remote_joins.give_up(self.nid)
            self._take_back()
        except MatrixError as fault:
            remote_joins.fail(self.nid, fault)
            self._take_back()
        self.answer_path.unlink(missing_ok=True)

    def _join(self) -> None:
        wanted = self.wanted
        handed_in = self._handed_in()
        if handed_in is not None and is_stored(handed_in.event.event_id):
            self._finish()
        elif not wanted.was_here and is_here(wanted.room_id):
            self._join_here()
        elif handed_in is None or not self._go_on(handed_in):
            first_of(wanted.servers, self._join_by)
            self._finish()

    def _handed_in(self) -> HandedIn | None:
        """The join that was signed before an interruption."""
        if "event" not in self._checkpoint:
            return None
        rules = ROOM_VERSIONS[self._checkpoint["version"]]
        pdu = decode_json(self._checkpoint["event"].encode())
        return HandedIn(rules, Event(pdu, event_id_of(pdu, rules), rules), self._checkpoint["server"])

    def _join_here(self) -> None:
        """Somebody else from here has come into the room meanwhile."""
        wanted = self.wanted
        joining.join_known(remote_joins.requester_of(wanted), wanted.room_id, wanted.content)
        with db.write():
            remote_joins.finish(self.nid)

    def _go_on(self, handed_in: HandedIn) -> bool:
        """Go on with the join that is signed; False if that server does not help any more."""
        try:
            self._hand_in(handed_in)
        except MatrixError as fault:
            _log.info("a join cannot be gone on with", server=handed_in.server, error=fault.message)
            return False
        self._finish()
        return True

    def _join_by(self, server: str) -> None:
        self.check()
        self.position = Position()
        second_hand().prepare()
        template = make(server, "join", self.wanted.room_id, self.wanted.user_id)
        event = complete(template, self.wanted.content)
        # Kept before it is sent, so that the same join is handed in again after a restart, and no second one.
        self._keep(server=server, version=template.rules.identifier, event=orjson.dumps(event.pdu).decode())
        self._hand_in(HandedIn(template.rules, event, server))

    def _hand_in(self, handed_in: HandedIn) -> None:
        with GrowingFile(SMALL, self._make_file) as answer:
            size = self._checkpoint.get("answer")
            if size is not None and _has_size(self.answer_path, size):
                answer.use(self.answer_path.open("rb"), size)
            else:
                self._download(handed_in, answer)
            self._taken = handed_in
            self._take_in(handed_in, answer)

    def _take_in(self, handed_in: HandedIn, answer: GrowingFile) -> None:
        with ExitStack() as stack:
            if not answer.is_in_memory:
                self._wait_for_turn(stack)
            take_in(handed_in, answer.file, self, self._beginning)

    def _make_file(self) -> IO[bytes]:
        return self.answer_path.open("w+b")

    def _download(self, handed_in: HandedIn, answer: GrowingFile) -> None:
        self.position = Position("receiving")
        answer.noted = self._received
        hand_in_join(handed_in.server, handed_in.event, answer, self.check)
        if not answer.is_in_memory:
            answer.file.flush()
            os.fsync(answer.file.fileno())
            self._keep(answer=answer.size)

    def _received(self, size: int) -> None:
        self.position = Position("receiving", size)

    def _wait_for_turn(self, stack: ExitStack) -> None:
        self.position = Position("waiting")
        while not self._heavy.acquire(timeout=1):
            self.check()
        stack.callback(self._heavy.release)

    def _keep(self, **more: Any) -> None:
        if "event" in more:
            self._checkpoint = {}
        self._checkpoint |= more
        # Should a power cut lose it, the user joins twice, which is as good as once.
        with db.write_unsynced():
            long_tasks.note_running(self.nid, now_ms(), *self.position, orjson.dumps(self._checkpoint))

    def note(self) -> bool:
        """Store how far the join is, for those who look; whether it is to be cancelled."""
        with db.write():
            return long_tasks.note_running(self.nid, now_ms(), *self.position)

    def _finish(self) -> None:
        if not self._is_ended:
            room = rooms.find(self.wanted.room_id)
            if room is not None:
                carry_over(room, self.wanted.user_nid)
            # The room is on the disk. Should this be lost, the join is found to be done, and ended again.
            with db.write_unsynced():
                self._end(room)
        _log.info("joined", room_id=self.wanted.room_id, user_id=self.wanted.user_id)

    def _end(self, room: RoomIdentity | None) -> None:
        if room is not None:
            invite_state.remove(room.nid, self.wanted.user_nid)
        remote_joins.finish(self.nid)

    @contextmanager
    def _beginning(self) -> Iterator[None]:
        """The transaction with which the room begins. A join from which nothing more follows ends in it."""
        with db.write():
            # Registered first: who waits for the answer is told before all others.
            db.on_commit(tell_of_end)
            yield
            room = rooms.find(self.wanted.room_id)
            self._is_ended = room is not None and predecessor_of(read_room(room)) is None
            if self._is_ended:
                self._end(room)

    def _take_back(self) -> None:
        """A server has taken the join, but nothing came of it here: leave there, if anybody takes that."""
        if self._taken is not None and not self.wanted.was_here:
            room = RoomIdentity(0, self.wanted.room_id, self._taken.rules)
            leave(self.wanted.user_id, room, [self._taken.server], {"membership": "leave"})

    def check(self) -> None:
        """Raises when the join is to end."""
        if self.is_cancelled:
            raise JoinCancelledError
        if self.is_interrupted:
            raise JoinInterruptedError

    def surveyed(self, events: int) -> None:
        """See `Progress`."""
        self.position = Position("fetching keys", 0, events)

    def read(self, events: int) -> None:
        """See `Progress`."""
        self.check()
        self.position = Position("verifying", self.position.done + events, self.position.total)

    def verified(self, events: int) -> None:
        """See `Progress`."""

    def stored(self, events: int) -> None:
        """See `Progress`."""
        self.check()
        done = self.position.done if self.position.step == "storing" else 0
        self.position = Position("storing", done + events, self.position.total)

    def entering(self) -> None:
        """See `Progress`."""
        self.is_cancelled = self.is_cancelled or long_tasks.is_to_be_cancelled(self.nid)
        self.check()
        room = rooms.find(self.wanted.room_id)
        if room is not None:
            refuse_blocked(room)
        refuse_join(self.wanted.room_id)
        self.position = Position("entering")


def tell_of_end() -> None:
    """Let those who wait for joins look at once, here and in the other processes."""
    remote_joins.one_has_ended()
    wakeups.tell(remote_joins.ENDED)


def answers_folder() -> Path:
    """The folder for answers that are being worked on."""
    folder = get_config().server.data_dir / "joins"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False
