"""The pump: reads the stream, and has pushers deliver what is for them.

One process at a time runs it. What is to be delivered stands in the database before anything is sent, and
goes from there when it has arrived; so nothing is lost, and after a crash at most the notifications under
way come twice, which phones tell by their event ID.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from matrix_app.federation.led import start_led
from matrix_app.federation.loop import in_thread
from matrix_app.protocol.errors import BadGateway
from matrix_app.push import delivery, digest
from matrix_app.push.delivery import Job
from matrix_app.push.gateway import Gateway, HttpGateway, rejects
from matrix_app.push.routing import Routed, route
from matrix_app.services.background import run_later
from matrix_app.storage import db, push_queue, stream
from matrix_app.storage.clock import now_ms

# A burst of messages is read together, and after those have got them who wait for them on the spot.
PATIENCE_SECONDS: Final = 0.02
PAUSE_SECONDS: Final = 0.03
TICK_SECONDS: Final = 1.0
SWEEP_SECONDS: Final = 10.0
SAVE_SECONDS: Final = 10.0
# Whoever reads a room reads several messages in a moment: their phones are told once.
BADGE_SECONDS: Final = 2.0
MAIL_SECONDS: Final = 120.0
AT_ONCE: Final = 32
PER_GATEWAY: Final = 8
MOST_GATEWAYS: Final = 1_000

_log = structlog.get_logger("matrix_app.push")


class Pump:
    """Pushes until told to end."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._position = 0
        self._saved = (0, 0.0)
        self._news = asyncio.Event()
        self._is_ended = False
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()
        # By user: when their phones are to be told how much is unread.
        self._badges: dict[int, float] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._gateways: dict[str, asyncio.Semaphore] = {}
        # By pusher: until when a mail that has been asked for may be under way.
        self._mails: dict[int, float] = {}
        self._next_sweep = 0.0
        self.is_ready = False

    def wake(self) -> None:
        """The stream has moved; to be called on the loop."""
        self._news.set()

    def end(self) -> None:
        """Let `run` come to its end; to be called on the loop."""
        self._is_ended = True
        self._news.set()

    async def run(self) -> None:
        """Push until told to end. What is under way then is broken off, and sent again next time."""
        try:
            await self._begin()
            while not self._is_ended:
                self._news.clear()
                await self._read()
                await self._tick()
                await self._rest(PAUSE_SECONDS)
                await self._wait(TICK_SECONDS)
                await self._rest(PATIENCE_SECONDS)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self._save()

    async def _begin(self) -> None:
        found = await in_thread(push_queue.progress)
        self._position = await in_thread(stream.current_position) if found is None else found
        oldest = await in_thread(stream.oldest_logged)
        if oldest > self._position + 1:
            _log.error("changes are no longer logged that were never pushed", since=self._position)
        for user_nid in await in_thread(push_queue.badged):
            self._badges[user_nid] = time.monotonic()
        self.is_ready = True

    async def _read(self) -> None:
        while not self._is_ended:
            routed: Routed | None = await in_thread(route, self._position)
            if routed is None:
                return
            self._position = routed.position
            for pusher_nid in routed.pusher_nids:
                self._start(pusher_nid, self._deliver)
            soon = time.monotonic() + BADGE_SECONDS
            for user_nid in routed.readers:
                self._badges.setdefault(user_nid, soon)
            if routed.is_last:
                return

    async def _rest(self, seconds: float) -> None:
        await asyncio.sleep(0 if self._is_ended else seconds)

    async def _wait(self, seconds: float) -> None:
        if self._is_ended:
            return
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return  # time for the next tick

    async def _tick(self) -> None:
        now = time.monotonic()
        ready = [user for user, at in self._badges.items() if at <= now]
        if ready:
            for user in ready:
                del self._badges[user]
            for pusher_nid in await in_thread(delivery.http_pushers, ready):
                self._start(pusher_nid, self._tell_badge)
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_SECONDS
            await self._sweep()
        if now >= self._saved[1] + SAVE_SECONDS:
            await self._save()

    async def _sweep(self) -> None:
        """Come back to what waits: because it failed, because a mail is due, or since the last start."""
        for waiting in await in_thread(push_queue.waiting):
            if (waiting.retry_ts or 0) > now_ms():
                continue
            if waiting.kind == "email":
                if digest.is_due(waiting):
                    await self._ask_for_mail(waiting.pusher_nid)
            else:
                self._start(waiting.pusher_nid, self._deliver)

    def _start(self, pusher_nid: int, work: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        if pusher_nid in self._tasks:
            self._again.add(pusher_nid)
            return
        self._tasks[pusher_nid] = asyncio.get_running_loop().create_task(self._worked(pusher_nid, work))

    async def _worked(self, pusher_nid: int, work: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        try:
            await work(pusher_nid)
        except Exception:  # noqa: BLE001  (the boundary of the pusher: logged, and found by the next sweep)
            _log.exception("cannot push", pusher_nid=pusher_nid, again_in=SWEEP_SECONDS)
        finally:
            del self._tasks[pusher_nid]
            if pusher_nid in self._again and not self._is_ended:
                self._again.discard(pusher_nid)
                self._start(pusher_nid, self._deliver)

    async def _deliver(self, pusher_nid: int) -> None:
        """Deliver what there is, in order, as long as the gateway takes it."""
        while job := await in_thread(delivery.next_job, pusher_nid):
            if not await self._send(job):
                return

    async def _tell_badge(self, pusher_nid: int) -> None:
        if job := await in_thread(delivery.next_badge, pusher_nid):
            await self._send(job)
        await self._deliver(pusher_nid)

    async def _send(self, job: Job) -> bool:
        """Whether the gateway took it, and the pusher is still there."""
        async with self._slot_of(job.url), self._slots:
            try:
                answer = await self._gateway.notify(job.url, job.body)
            except BadGateway as error:
                await self._failed(job, error.message)
                return False
        if not answer.is_ok:
            await self._failed(job, f"The gateway answered {answer.status}", answer.wait_seconds)
            return False
        rejected = rejects(answer, job.pusher.pushkey)
        await in_thread(delivery.delivered, job, rejected)
        return not rejected

    async def _failed(self, job: Job, fault: str, wait_seconds: int | None = None) -> None:
        wait = await in_thread(delivery.failed, job.pusher, fault, wait_seconds)
        if job.due_nid is None:
            # No row of the queue brings anybody back to it.
            self._badges.setdefault(job.pusher.user_nid, time.monotonic() + wait + TICK_SECONDS)

    def _slot_of(self, url: str) -> asyncio.Semaphore:
        """A gateway that hangs holds up nobody but those who wait for it."""
        host = urlsplit(url).hostname or ""
        if host not in self._gateways and len(self._gateways) >= MOST_GATEWAYS:
            self._gateways = {name: slot for name, slot in self._gateways.items() if slot.locked()}
        return self._gateways.setdefault(host, asyncio.Semaphore(PER_GATEWAY))

    async def _ask_for_mail(self, pusher_nid: int) -> None:
        """Mail servers are slow: a task of the worker waits for them."""
        now = time.monotonic()
        if now >= self._mails.get(pusher_nid, 0.0):
            self._mails = {nid: at for nid, at in self._mails.items() if at > now}
            self._mails[pusher_nid] = now + MAIL_SECONDS
            await in_thread(run_later, "send_digest", pusher_nid)

    async def _save(self) -> None:
        self._saved = (self._saved[0], time.monotonic())
        if self._position != self._saved[0]:
            self._saved = (self._position, time.monotonic())
            await in_thread(_save, self._position)


def _save(position: int) -> None:
    with db.write():
        push_queue.put_progress(position)
        push_queue.remove_orphans()


def start() -> Callable[[], None]:
    """Push from this process, unless another does; what is returned ends it."""
    return start_led("push", lambda: Pump(HttpGateway()))
