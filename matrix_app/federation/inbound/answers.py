"""Reading answers that hold the state of a room: from a file, a piece at a time, whatever their size.

Such a file is read twice. The survey tells what it holds besides events, and which keys signed them; with
those known, the events are read and verified a batch at a time, and kept in a spool in which each can be
found behind what authorises it.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import IO, Any, Final, NamedTuple

import msgspec

from appliance.config import get_config
from matrix_app.federation.inbound.event_spool import EventSpool
from matrix_app.federation.inbound.pdus import read_pdu, without_faults
from matrix_app.federation.inbound.peers import Faults, Question, peers
from matrix_app.federation.inbound.progress import Progress, Unwatched
from matrix_app.federation.inbound.refusals import refused
from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.errors import BadGateway, InvalidParam, MatrixError, NotJson, TooLarge
from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.json_stream import Piece, pieces, pieces_of
from matrix_app.protocol.signing import MOST_SIGNATURES, event_key_ids
from matrix_app.services.outliers import BATCH as STORED_AT_ONCE
from matrix_app.services.outliers import known_among, store_ordered
from matrix_app.storage import rooms
from matrix_app.storage.rooms import RoomIdentity

CHAIN: Final = "auth_chain"
# Events that are verified in one go, and how often that is begun before the first are taken in: where they
# are not waited for, more of them are verified beside.
BATCH: Final = 48
MOST_BEGUN: Final = 8
# An answer of so many bytes is taken apart in memory.
SHORT: Final = 1 << 20
# How long the keys of those who signed the events may take that fill a gap.
KEY_SECONDS: Final = 30.0


class Survey(NamedTuple):
    """What an answer holds: members that are no lists, how many events, and by which keys they are signed."""

    fields: dict[str, Any]
    events: int
    # By server and key ID, the latest time at which the key must have been valid.
    keys: dict[tuple[str, str], int]


class _Signed(msgspec.Struct):
    sender: str
    origin_server_ts: int
    signatures: dict[str, dict[str, str]]


_SIGNED: Final = msgspec.json.Decoder(_Signed)


class Answer:
    """An answer of another server in a file. A short one is taken apart but once."""

    def __init__(self, file: IO[bytes], origin: str) -> None:
        self._file = file
        self.origin = origin
        self._pieces: list[Piece] | None = None

    def pieces(self) -> Iterator[Piece]:
        """What it holds; raises `BadGateway` when it is no JSON object or not whole."""
        try:
            yield from self._short() or self._long()
        except (NotJson, TooLarge) as fault:
            raise BadGateway(f"The answer of {self.origin} cannot be read: {fault.message}") from fault

    def _short(self) -> list[Piece] | None:
        if self._pieces is None:
            self._file.seek(0)
            beginning = self._file.read(SHORT + 1)
            self._pieces = pieces_of(beginning) if len(beginning) <= SHORT else None
        return self._pieces

    def _long(self) -> Iterator[Piece]:
        self._file.seek(0)
        return pieces(self._file.read)


def survey(answer: Answer, *, fields: Collection[str], lists: Collection[str]) -> Survey:
    """Look through an answer; raises as `Answer.pieces`, and `BadGateway` for what are no lists."""
    found = Survey({}, 0, {})
    count = 0
    for piece in answer.pieces():
        if piece.is_element and piece.name in lists:
            count += 1
            _note_keys(piece.data, found.keys)
        elif piece.name in lists:
            raise BadGateway(f"{answer.origin} did not answer with a list of events")
        elif piece.name in fields and not piece.is_element:
            found.fields[piece.name] = _decoded(piece, answer.origin)
    return found._replace(events=count)


def _decoded(piece: Piece, origin: str) -> Any:
    try:
        return decode_json(piece.data)
    except MatrixError as fault:
        raise BadGateway(f"The answer of {origin} cannot be read: {fault.message}") from fault


def _note_keys(data: bytes, keys: dict[tuple[str, str], int]) -> None:
    try:
        signed = _SIGNED.decode(data)
        server = domain_of(signed.sender)
    except (msgspec.MsgspecError, RecursionError, InvalidParam):
        return  # it is going to be refused as malformed
    for key_id in event_key_ids({"signatures": signed.signatures}, server)[:MOST_SIGNATURES]:
        keys[server, key_id] = max(signed.origin_server_ts, keys.get((server, key_id), 0))


class AnswerReader:
    """Takes the events of one answer about a room into a spool, those with a valid signature."""

    def __init__(self, room: RoomIdentity, spool: EventSpool, answer: Answer, progress: Progress) -> None:
        self._room = room
        self._spool = spool
        self._answer = answer
        self._progress = progress
        # The auth chain often repeats what is in the state, byte by byte.
        self._seen: dict[int, int | None] = {}
        self._taken: set[int] = set()
        self._batch: list[Event] = []
        self._begun: deque[tuple[list[Event], Faults]] = deque()
        self._since = 0
        # Of a room that was never met nothing is stored.
        self._is_new = rooms.find(room.room_id) is None
        # Events that begin a room, by their IDs.
        self.creates: dict[str, Event] = {}

    def read(self, *, state: str) -> list[str]:
        """Take what the members `state` and "auth_chain" list; the IDs of the events that are the state.

        Those that are stored already are not verified again and not in the spool. Raises `BadGateway` when
        the answer cannot be read, and whatever the progress raises.
        """
        numbers: dict[int, None] = {}
        for piece in self._answer.pieces():
            if piece.is_element and piece.name in (state, CHAIN):
                number = self._number(piece.data)
                if number is not None and piece.name == state:
                    numbers[number] = None
        self._flush()
        while self._begun:
            self._take_in(*self._begun.popleft())
        return [self._spool.event_id_of(number) for number in numbers]

    def _number(self, data: bytes) -> int | None:
        mark = hash(data)
        if mark not in self._seen:
            self._seen[mark] = self._take(data)
        self._since += 1
        if self._since >= BATCH:
            self._flush()
        return self._seen[mark]

    def _take(self, data: bytes) -> int | None:
        try:
            event = read_pdu(self._room, decode_json(data))
        except MatrixError as error:
            refused("malformed", origin=self._answer.origin, room_id=self._room.room_id, error=error.message)
            return None
        number = self._spool.number_of(event.event_id)
        if number not in self._taken:
            self._taken.add(number)
            self._batch.append(event)
        return number

    def _flush(self) -> None:
        """Begin to verify what has been read, and take in what was begun before."""
        batch, self._batch = self._batch, []
        since, self._since = self._since, 0
        self._progress.read(since)
        if batch:
            known = set() if self._is_new else known_among(event.event_id for event in batch)
            new = [event for event in batch if event.event_id not in known]
            self._note_creates(event for event in batch if event.event_id in known)
            self._progress.verified(len(known))
            self._begun.append((new, peers().begin_known_faults(new)))
        while len(self._begun) > MOST_BEGUN:
            self._take_in(*self._begun.popleft())

    def _take_in(self, new: Sequence[Event], faults: Faults) -> None:
        right = without_faults(new, faults(), origin=self._answer.origin)
        for event in right:
            # Which of them are to be rejected would be forgotten on the way through the file.
            if not event.is_unauthorised:
                self._spool.add(event)
        self._note_creates(right)
        self._progress.verified(len(new))

    def _note_creates(self, found: Iterable[Event]) -> None:
        for event in found:
            if event.type == "m.room.create":
                self.creates[event.event_id] = event


def store_answer(room: RoomIdentity, origin: str, question: Question, *, state: str = CHAIN) -> None:
    """Ask a server for events of a room, and store them as outliers, whatever their number.

    They are in the lists `state` and "auth_chain" of the answer. Raises a `MatrixError` when there is none.
    """
    with tempfile.TemporaryFile(dir=get_config().server.data_dir) as file, EventSpool(room) as spool:
        peers().download(origin, question, file)
        answer = Answer(file, origin)
        found = survey(answer, fields=(), lists=(state, CHAIN))
        peers().learn_keys(found.keys, KEY_SECONDS)
        AnswerReader(room, spool, answer, Unwatched()).read(state=state)
        for _ in store_ordered(room, spool.batches(STORED_AT_ONCE)):
            pass
