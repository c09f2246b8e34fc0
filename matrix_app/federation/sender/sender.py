"""The sender: reads the stream, and brings every server what is for it.

One process at a time runs it (see `leadership`). Everything here runs on the loop of
`matrix_app.federation.loop`; the database is asked in its threads.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Protocol

import structlog
from django.db import DatabaseError

from appliance.config import get_config
from appliance.metrics.counted import TRANSACTIONS_SENT
from matrix_app.federation.loop import in_thread
from matrix_app.federation.sender import catch_up, records
from matrix_app.federation.sender.queue import Batch, DestinationQueue
from matrix_app.federation.sender.routing import Routed, Router
from matrix_app.protocol.errors import MatrixError, RemoteError, RemoteUnreachable
from matrix_app.storage import outbound, stream
from matrix_app.storage.clock import now_ms
from matrix_app.storage.outbound import Flight
from matrix_app.storage.stream import LogEntry

ENTRIES: Final = 500
# A burst of changes is read together.
PAUSE_SECONDS: Final = 0.02
TICK_SECONDS: Final = 1.0
SAVE_SECONDS: Final = 2.0
TYPING_SECONDS: Final = 25.0
SEND_TIMEOUT: Final = 30.0
PATIENT_TIMEOUT: Final = 60.0
# Transactions under way: to servers that answer, and to such as did not lately.
AT_ONCE: Final = 64
LATE_AT_ONCE: Final = 16
MOST_IDLE: Final = 2_000
REFUSED_SECONDS: Final = 10.0

_log = structlog.get_logger("matrix_app.federation.sender")


class Client(Protocol):
    """What the sender needs of the federation client."""

    async def request(
        self, destination: str, method: str, path: str, *, content: dict[str, Any], timeout: float
    ) -> Any:
        """See `FederationClient.request`."""
        ...


class _Read(NamedTuple):
    position: int
    # Whether the log went no further.
    is_last: bool
    routed: Routed
    names: dict[int, str]


class Sender:
    """Sends until told to end, and then notes how far it has come."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._position = 0
        self._saved = (0, 0.0)
        self._sent: dict[int, int] = {}
        self._behind: set[int] = set()
        self._flights: dict[int, Flight] = {}
        self._queues: dict[int, DestinationQueue] = {}
        self._unsaved: set[DestinationQueue] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._late_slots = asyncio.Semaphore(LATE_AT_ONCE)
        self._next_typing = 0.0
        # Whether it knows where to go on: what happens from now on is sent.
        self.is_ready = False
        self._is_ended = False

    def wake(self) -> None:
        """The stream has moved; to be called on the loop."""
        self._news.set()

    def end(self) -> None:
        """Let `run` come to its end; to be called on the loop."""
        self._is_ended = True
        self._news.set()

    async def run(self) -> None:
        """Send until told to end. What is under way then is broken off, and sent again next time."""
        self._router = await in_thread(Router)
        try:
            await self._begin()
            await self._go_on()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._save()

    async def _begin(self) -> None:
        start = await in_thread(records.load)
        self._position, self._sent, self._behind = start.position, start.sent, start.behind
        self._flights = start.flights
        self._saved = (start.position, time.monotonic())
        self._add_queues(start.names)
        for server_nid in start.with_messages:
            self._queues[server_nid].has_messages = True
        for server_nid in start.greet:
            self._queues[server_nid].greet = not self._queues[server_nid].behind
        self.is_ready = True

    async def _go_on(self) -> None:
        tick = 0.0
        while not self._is_ended:
            self._news.clear()
            await self._read()
            self._start_deliveries()
            if time.monotonic() >= tick:
                tick = time.monotonic() + TICK_SECONDS
                await self._tick()
            await asyncio.sleep(0 if self._is_ended else PAUSE_SECONDS)
            await self._wait(tick - time.monotonic())

    async def _wait(self, seconds: float) -> None:
        if self._is_ended:
            return
        try:
            await asyncio.wait_for(self._news.wait(), max(0.0, seconds))
        except TimeoutError:
            return  # time for the next tick

    async def _read(self) -> None:
        while not self._is_ended:
            found = await in_thread(self._route_some, self._position)
            if found is None:
                return
            self._put(found.routed, found.names)
            self._position = found.position
            self._start_deliveries()
            if found.is_last:
                return

    def _route_some(self, position: int) -> _Read | None:
        entries: list[LogEntry] = stream.entries_after(position, ENTRIES)
        if not entries:
            return None
        routed = self._router.route(entries)
        names = self._names_of(routed.servers())
        return _Read(entries[-1].position, len(entries) < ENTRIES, routed, names)

    def _names_of(self, server_nids: Iterable[int]) -> dict[int, str]:
        unknown = [nid for nid in server_nids if nid not in self._queues]
        return outbound.server_names(unknown) if unknown else {}

    def _add_queues(self, names: dict[int, str]) -> None:
        for nid, name in names.items():
            if nid not in self._queues:
                behind = nid in self._behind
                # Whoever nothing is known of has got everything, so far.
                sent = self._sent.pop(nid, 0 if behind else self._position)
                queue = DestinationQueue(nid, name, sent=sent, behind=behind)
                queue.flight = self._flights.pop(nid, None)
                self._queues[nid] = queue

    def _put(self, routed: Routed, names: dict[int, str]) -> None:
        self._add_queues(names)
        for nid, owed in routed.owed.items():
            queue = self._queues[nid]
            for item in owed:
                queue.owe(item)
            if queue.is_full and not queue.is_busy:
                self._leave_behind(queue)
        for nid, edus in routed.passing.items():
            for edu in edus:
                self._queues[nid].pass_on(edu)
        for nid in routed.with_messages:
            self._queues[nid].has_messages = True

    def _start_deliveries(self) -> None:
        for queue in self._queues.values():
            if queue.has_work and not queue.behind and not queue.is_busy:
                self._start(queue)

    def _start(self, queue: DestinationQueue) -> None:
        queue.is_busy = True
        task = asyncio.get_running_loop().create_task(self._deliver(queue))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, queue: DestinationQueue) -> None:
        """Send what there is for a server, as long as it takes it."""
        late = queue.behind
        try:
            async with self._late_slots if late else self._slots:
                if late:
                    await self._catch_up(queue)
                while queue.has_work:
                    await self._send(queue, PATIENT_TIMEOUT if late else SEND_TIMEOUT)
                    if queue.is_full:
                        self._leave_behind(queue)
        except MatrixError as error:
            self._failed(queue, error)
        except DatabaseError:
            _log.exception("cannot find what is to be sent", server=queue.name)
            self._leave_behind(queue)
            queue.not_before = time.monotonic() + REFUSED_SECONDS
        finally:
            queue.is_busy = False
            if queue.has_work:
                self._news.set()

    async def _catch_up(self, queue: DestinationQueue) -> None:
        if queue.flight is not None:
            await self._send(queue, PATIENT_TIMEOUT)
        queue.start_catching_up(self._position)
        found = await in_thread(catch_up.lacking, queue.server_nid, queue.sent, self._position)
        queue.lacks(found)
        queue.note_caught_up()

    async def _send(self, queue: DestinationQueue, timeout: float) -> None:
        from matrix_app.federation.paths import federation_path

        batch: Batch = queue.next_batch()
        queue.has_messages &= not batch.messages
        transaction = await in_thread(records.depart, queue.server_nid, queue.sent, batch)
        queue.departs(batch, transaction.txn_id)
        if not transaction.is_empty or queue.greet:
            path = federation_path("v1", "send", transaction.txn_id)
            await self._client.request(queue.name, "PUT", path, content=transaction.content, timeout=timeout)
            TRANSACTIONS_SENT.labels("taken").inc()
        if transaction.message_nids:
            await in_thread(records.delete_messages, transaction.message_nids)
            queue.has_messages |= len(transaction.message_nids) == batch.messages
        queue.delivered(batch)
        self._unsaved.add(queue)

    def _leave_behind(self, queue: DestinationQueue) -> None:
        queue.fall_behind()
        self._behind.add(queue.server_nid)
        self._unsaved.add(queue)

    def _failed(self, queue: DestinationQueue, error: MatrixError) -> None:
        TRANSACTIONS_SENT.labels("failed").inc()
        if not _is_uncertain(error):
            queue.ends_flight()
        self._leave_behind(queue)
        if isinstance(error, RemoteUnreachable):
            # When it may be asked again stands in the database, where others can change it.
            queue.not_before = time.monotonic() + TICK_SECONDS
            return
        queue.refusals += 1
        longest = get_config().federation.longest_backoff_seconds
        seconds = min(REFUSED_SECONDS * 2 ** min(queue.refusals - 1, 16), longest)
        queue.not_before = time.monotonic() + seconds * random.uniform(0.8, 1.0)  # noqa: S311
        _log.warning("a server takes nothing", server=queue.name, error=error.message, again_in=seconds)

    async def _tick(self) -> None:
        """What is done every second: asking again those who were late, and noting how far all are."""
        for server_nid, sent in await in_thread(outbound.due, now_ms(), 4 * LATE_AT_ONCE):
            await self._ask_again(server_nid, sent)
        if time.monotonic() >= self._next_typing:
            self._next_typing = time.monotonic() + TYPING_SECONDS
            routed = await in_thread(self._router.still_typing)
            self._put(routed, await in_thread(self._names_of, routed.servers()))
        if time.monotonic() >= self._saved[1] + SAVE_SECONDS:
            await self._save()
        if len(self._queues) > MOST_IDLE:
            self._forget_idle()

    async def _ask_again(self, server_nid: int, sent: int) -> None:
        queue = self._queues.get(server_nid)
        if queue is None:
            self._behind.add(server_nid)
            self._sent[server_nid] = sent
            self._add_queues(await in_thread(outbound.server_names, [server_nid]))
            queue = self._queues[server_nid]
        if queue.behind:
            queue.sent = max(queue.sent, sent)
        if queue.behind and not queue.is_busy and queue.not_before <= time.monotonic():
            self._start(queue)

    def _forget_idle(self) -> None:
        for nid, queue in list(self._queues.items()):
            idle = not (queue.has_work or queue.is_busy or queue.catching_upto or queue.refusals)
            if idle and queue not in self._unsaved and not queue.behind:
                del self._queues[nid]

    async def _save(self) -> None:
        """Note how far each server is, and the position up to which nothing is only in memory."""
        unsaved, self._unsaved = self._unsaved, set()
        floors = [floor for queue in self._queues.values() if (floor := queue.floor) is not None]
        position = min(floors, default=self._position)
        for queue in unsaved:
            (self._behind.add if queue.is_stored_behind else self._behind.discard)(queue.server_nid)
        if unsaved or position != self._saved[0] or time.monotonic() > self._saved[1] + 60:
            states = {queue.server_nid: (queue.sent, queue.is_stored_behind) for queue in unsaved}
            landed = {queue.server_nid: queue.landed for queue in unsaved if queue.landed is not None}
            await in_thread(records.save, position, states, landed)
            self._saved = (position, time.monotonic())


def _is_uncertain(error: MatrixError) -> bool:
    """Whether what was sent may have been taken nevertheless."""
    if isinstance(error, RemoteUnreachable):
        return error.may_have_arrived
    return isinstance(error, RemoteError) and error.remote_status >= 500
