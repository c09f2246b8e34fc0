"""What waits in memory for one server."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from matrix_app.storage.outbound import Flight, Owed, OwedEvent

# "[A transaction has] a list of PDUs. Must not include more than 50", and EDUs "more than 100".
MOST_PDUS: Final = 50
MOST_EDUS: Final = 100
# A server that is slower than its rooms is left behind, and gets the latest event of each room.
MOST_OWED: Final = 2_000
# What nobody misses once the next one has come.
MOST_PASSING: Final = 500


class Edu(NamedTuple):
    """An EDU that is dropped when it cannot be delivered; a newer one with the same key replaces it."""

    key: tuple[str | int, ...]
    edu_type: str
    content: dict[str, Any]


class Batch(NamedTuple):
    """What goes into one transaction."""

    owed: list[Owed]
    passing: list[Edu]
    messages: int
    # Of a transaction that has been on its way before.
    txn_id: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to send, messages to devices aside."""
        return not (self.owed or self.passing)


class DestinationQueue:
    """Where a server stands, and what it is to be sent next.

    While it is `behind` nothing is put in: the database knows what it lacks after `sent`, the position up
    to which it has got everything. While it is catching up what is new is put behind what it lacks.
    """

    def __init__(self, server_nid: int, name: str, *, sent: int = 0, behind: bool = False) -> None:
        self.server_nid = server_nid
        self.name = name
        self.sent = sent
        self.behind = behind
        self.catching_upto: int | None = None
        self.has_messages = False
        self.greet = False
        # What is on its way, or was when the server was last heard of: it goes again as it was.
        self.flight: Flight | None = None
        # The last transaction of which it is known what became of it.
        self.landed: str | None = None
        self.is_busy = False
        # Whether it answered, but did not take what it was sent last.
        self.refuses = False
        self.not_before = 0.0
        # Whether nothing more is to leave before it is set back.
        self.is_stopped = False
        self._owed: deque[Owed] = deque()
        self._passing: dict[tuple[str | int, ...], Edu] = {}

    @property
    def floor(self) -> int | None:
        """The position before the oldest that is owed and that nothing but this queue knows of."""
        return self._owed[0].position - 1 if self._owed and self.catching_upto is None else None

    @property
    def has_work(self) -> bool:
        """Whether there is something to send."""
        return bool(self._owed or self._passing or self.has_messages or self.greet or self.flight)

    @property
    def is_put_off(self) -> bool:
        """Whether it is too early to ask the server again."""
        return self.not_before > time.monotonic()

    @property
    def is_stored_behind(self) -> bool:
        """Whether the database has to find what the server lacks, should this process end now."""
        return self.behind or self.catching_upto is not None

    @property
    def is_full(self) -> bool:
        """Whether it is time to leave the server behind."""
        return len(self._owed) > MOST_OWED and self.catching_upto is None

    def owe(self, item: Owed) -> None:
        """The server is to get this, in the order of positions."""
        if not self.behind and item.position > self.sent:
            self._owed.append(item)

    def pass_on(self, edu: Edu) -> None:
        """The server is to get this if it can be had now."""
        if self.behind:
            return
        self._passing.pop(edu.key, None)
        self._passing[edu.key] = edu
        if len(self._passing) > MOST_PASSING:
            del self._passing[next(iter(self._passing))]

    def start_catching_up(self, upto: int) -> None:
        """What is routed after `upto` is put in again; what the server lacks before follows by `lacks`."""
        self.behind, self.catching_upto = False, upto

    def lacks(self, owed: Sequence[Owed]) -> None:
        """What the server has missed while it was behind, in order."""
        self._owed.extendleft(reversed(owed))
        self.has_messages = True

    def next_batch(self) -> Batch:
        """What to send now; it stays here until `delivered`."""
        if self.flight is not None:
            return Batch(self.flight.owed, [], 0, self.flight.txn_id)
        batch = take(self._owed, self._passing.values())
        return batch if self.has_messages else batch._replace(messages=0)

    def departs(self, batch: Batch, txn_id: str) -> None:
        """A batch is on its way: from now on nothing else goes before it is known what became of it."""
        if batch.owed:
            self.flight = Flight(txn_id, batch.owed)

    def ends_flight(self) -> None:
        """What was on its way has arrived, or will never count as having."""
        if self.flight is not None:
            self.landed, self.flight = self.flight.txn_id, None

    def delivered(self, batch: Batch) -> None:
        """The server has taken the batch."""
        self.ends_flight()
        if batch.owed:
            self.sent = max(self.sent, batch.owed[-1].position)
        while self._owed and self._owed[0].position <= self.sent:
            self._owed.popleft()
        for edu in batch.passing:
            if self._passing.get(edu.key) is edu:
                del self._passing[edu.key]
        self.refuses = False
        self.greet = False
        self.note_caught_up()

    def note_caught_up(self) -> None:
        """End catching up when nothing is left that was missed."""
        upto = self.catching_upto
        if upto is not None and not (self._owed and self._owed[0].position <= upto):
            self.sent, self.catching_upto = max(self.sent, upto), None

    def fall_behind(self) -> None:
        """Forget what waits: `sent` says what the server lacks from now on."""
        if (floor := self.floor) is not None:
            self.sent = max(self.sent, floor)
        self.behind, self.catching_upto, self.greet = True, None, False
        self._owed.clear()
        self._passing.clear()

    def set_back(self, position: int) -> None:
        """The server lacks something after a position: it falls behind from there."""
        self.fall_behind()
        self.ends_flight()
        self.sent = min(self.sent, position)
        self.is_stopped = False


def take(owed: Iterable[Owed], passing: Iterable[Edu]) -> Batch:
    """As much as one transaction may have, and how many messages to devices have room beside it."""
    taken: list[Owed] = []
    pdus = edus = 0
    for item in owed:
        is_event = isinstance(item, OwedEvent)
        pdus, edus = pdus + is_event, edus + (not is_event)
        if pdus > MOST_PDUS or edus > MOST_EDUS // 2:
            edus -= not is_event
            break
        taken.append(item)
    # Half of the EDUs is for messages to devices, as long as there are any.
    others = list(islice(passing, MOST_EDUS // 2 - edus))
    return Batch(taken, others, MOST_EDUS - edus - len(others))
