"""The sender: reads the stream, and brings every server what is for it.

One process at a time runs it (see `leadership`). Everything here runs on the loop of
`matrix_app.federation.loop`; the database is asked in its threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from matrix_app.federation.loop import in_thread
from matrix_app.federation.sender import records, unrouted
from matrix_app.federation.sender.delivery import LATE_AT_ONCE, Client, Delivery
from matrix_app.federation.sender.queue import DestinationQueue
from matrix_app.federation.sender.routing import Routed, Router
from matrix_app.federation.sender.unrouted import Late
from matrix_app.storage import outbound, stream
from matrix_app.storage.clock import now_ms
from matrix_app.storage.outbound import Due, Flight
from matrix_app.storage.stream import LogEntry

ENTRIES: Final = 500
# A burst of changes is read together.
PAUSE_SECONDS: Final = 0.02
TICK_SECONDS: Final = 1.0
SAVE_SECONDS: Final = 2.0
TYPING_SECONDS: Final = 25.0
MOST_IDLE: Final = 2_000


class _Read(NamedTuple):
    position: int
    # Whether the log went no further.
    is_last: bool
    routed: Routed
    names: dict[int, str]
    # What servers lack because changes are too many to be kept that cannot be routed.
    late: Late | None


class Sender:
    """Sends until told to end, and then notes how far it has come."""

    def __init__(self, client: Client) -> None:
        self._position = 0
        self._saved = (0, 0.0)
        self._sent: dict[int, int] = {}
        self._behind: set[int] = set()
        self._flights: dict[int, Flight] = {}
        self._queues: dict[int, DestinationQueue] = {}
        self._unsaved: set[DestinationQueue] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._delivery = Delivery(client, lambda: self._position, self._note)
        self._next_typing = 0.0
        self._late: Late | None = None
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
        # Nobody has been said to type yet.
        self._next_typing = time.monotonic() + TYPING_SECONDS
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
            if found.late is not None:
                self._late = found.late if self._late is None else self._late.joined(found.late)
            self._position = found.position
            self._start_deliveries()
            if found.is_last:
                return

    def _route_some(self, position: int) -> _Read | None:
        entries: list[LogEntry] = stream.entries_after(position, ENTRIES)
        if not entries:
            return None
        if entries[0].position > position + 1 and records.has_gap_after(position):
            # It begins anew, and finds what servers lack by other means than the log.
            raise records.LogEndedError(position)
        routed, broken = unrouted.route(self._router, entries)
        late = unrouted.keep(broken, position)
        names = self._names_of(routed.servers())
        return _Read(entries[-1].position, len(entries) < ENTRIES, routed, names, late)

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
                self._delivery.leave_behind(queue)
        for nid, edus in routed.passing.items():
            for edu in edus:
                self._queues[nid].pass_on(edu)
        for nid in routed.with_messages:
            self._queues[nid].has_messages = True

    def _start_deliveries(self) -> None:
        for queue in self._queues.values():
            if queue.has_work and not (queue.behind or queue.is_busy or queue.is_stopped):
                self._start(queue)

    def _start(self, queue: DestinationQueue) -> None:
        queue.is_busy = True
        task = asyncio.get_running_loop().create_task(self._deliver(queue))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, queue: DestinationQueue) -> None:
        try:
            await self._delivery.deliver(queue)
        finally:
            queue.is_busy = False
            if queue.has_work:
                self._news.set()

    def _note(self, queue: DestinationQueue) -> None:
        """How far a server is has changed, which is saved soon."""
        if queue.behind:
            self._behind.add(queue.server_nid)
        self._unsaved.add(queue)

    async def _tick(self) -> None:
        """What is done every second: asking again those who were late, and noting how far all are."""
        self._late = self._late or await in_thread(unrouted.again, self._router)
        if self._late is not None and await self._settle(self._late):
            self._late = None
        # Those that are at it already hide nobody.
        held = sum(queue.is_busy or queue.is_put_off for queue in self._queues.values())
        for due in await in_thread(outbound.due, now_ms(), 4 * LATE_AT_ONCE + held):
            await self._ask_again(due)
        if time.monotonic() >= self._next_typing:
            self._next_typing = time.monotonic() + TYPING_SECONDS
            await self._repeat(self._router.still_typing)
        if self._router.is_to_introduce:
            await self._repeat(self._router.introductions)
        if time.monotonic() >= self._saved[1] + SAVE_SECONDS:
            await self._save()
        if len(self._queues) > MOST_IDLE:
            self._forget_idle()

    async def _repeat(self, find: Callable[[], Routed]) -> None:
        """Put in what is to be told without a change in the log."""
        routed = await in_thread(find)
        self._put(routed, await in_thread(self._names_of, routed.servers()))
        self._start_deliveries()

    async def _settle(self, late: Late) -> bool:
        """Let servers fall behind from before late changes; not while anything is on its way to one."""
        self._add_queues(await in_thread(self._names_of, late.servers()))
        queues = [self._queues[nid] for nid in late.since]
        for queue in queues:
            queue.is_stopped = True
        if any(queue.is_busy for queue in queues):
            return False
        for queue in queues:
            queue.set_back(late.since[queue.server_nid])
            self._note(queue)
        for nid in late.with_messages:
            self._queues[nid].has_messages = True
        await in_thread(unrouted.settle, late)
        return True

    async def _ask_again(self, due: Due) -> None:
        server_nid, sent, refuses = due
        queue = self._queues.get(server_nid)
        if queue is None:
            self._behind.add(server_nid)
            self._sent[server_nid] = sent
            self._add_queues(await in_thread(outbound.server_names, [server_nid]))
            queue = self._queues[server_nid]
        if queue.behind:
            queue.sent = max(queue.sent, sent)
        if queue.behind and not (queue.is_busy or queue.is_put_off or queue.is_stopped):
            queue.refuses = refuses
            self._start(queue)

    def _forget_idle(self) -> None:
        for nid, queue in list(self._queues.items()):
            at_work = queue.is_busy or queue.is_stopped
            idle = not (queue.has_work or at_work or queue.catching_upto or queue.refuses)
            if idle and queue not in self._unsaved and not queue.behind:
                del self._queues[nid]

    async def _save(self) -> None:
        """Note how far each server is, and the position up to which nothing is only in memory."""
        unsaved, self._unsaved = self._unsaved, set()
        floors = [floor for queue in self._queues.values() if (floor := queue.floor) is not None]
        if self._late is not None and not self._late.is_kept:
            floors += self._late.since.values()
        position = min(floors, default=self._position)
        for queue in unsaved:
            (self._behind.add if queue.is_stored_behind else self._behind.discard)(queue.server_nid)
        if unsaved or position != self._saved[0] or time.monotonic() > self._saved[1] + 60:
            states = {queue.server_nid: (queue.sent, queue.is_stored_behind) for queue in unsaved}
            landed = {queue.server_nid: queue.landed for queue in unsaved if queue.landed is not None}
            await in_thread(records.save, position, states, landed)
            self._saved = (position, time.monotonic())
