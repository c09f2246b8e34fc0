"""Asking for device lists that are out of date, in the background: a bounded number at a time.

A run belongs to the process that began it; which lists it asks for stands in the database, where each is
taken for a while, so that several processes never ask for the same one. What a process leaves undone is done
by the next run (`tasks.resync_device_lists`).
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final, Protocol

import structlog

from appliance.config import get_config
from matrix_app.federation import loop
from matrix_app.federation.loop import in_thread
from matrix_app.federation.outbound.keys import keys
from matrix_app.protocol.errors import MatrixError, RemoteError, RemoteUnreachable
from matrix_app.protocol.remote_keys import RemoteKeys, read_device_list, read_queried_keys
from matrix_app.services import remote_devices
from matrix_app.services.boundary import Boundary
from matrix_app.services.remote_devices import FreshList
from matrix_app.storage.clock import now_ms
from matrix_app.storage.remote_devices import DueList, next_due

# Lists that one run takes at once, of all servers and of each: so few that a slow one does not hold it up for
# long. Then how many it asks for at the same time, and of one server.
TAKEN: Final = 100
TAKEN_OF_ONE_SERVER: Final = 8
AT_ONCE: Final = 16
OF_ONE_SERVER: Final = 4
SECONDS: Final = 20.0
# A list that comes due so soon is waited for.
PATIENCE_MS: Final = 3_000

_log = structlog.get_logger("matrix_app.federation.device_lists")


class ListSource(Protocol):
    """Who is asked."""

    async def device_list(self, server: str, user_id: str, seconds: float) -> object:
        """See `FederatedKeys.device_list`."""
        ...

    async def queried_list(self, server: str, user_id: str, seconds: float) -> object:
        """See `FederatedKeys.queried_list`."""
        ...


class Resync:
    """One run: it ends when no list is due."""

    def __init__(self, source: ListSource) -> None:
        self._source = source
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Ask for every list that is due."""
        while True:
            due = await in_thread(remote_devices.claim_due, TAKEN, TAKEN_OF_ONE_SERVER)
            if due:
                await self._ask_all(due)
            elif not await self._soon():
                return

    async def _soon(self) -> bool:
        """Wait for the next list, if it comes due soon."""
        at = await in_thread(next_due)
        wait = None if at is None else at - now_ms()
        if wait is None or wait > PATIENCE_MS:
            return False
        await asyncio.sleep(max(wait, 100) / 1000)
        return True

    async def _ask_all(self, due: Sequence[DueList]) -> None:
        gates = {item.server: asyncio.Semaphore(OF_ONE_SERVER) for item in due}
        await asyncio.gather(*(self._ask(item, gates[item.server]) for item in due))

    async def _ask(self, due: DueList, of_server: asyncio.Semaphore) -> None:
        async with of_server, self._gate:
            with Boundary("a device list cannot be taken in", user_id=due.user_id) as boundary:
                await self._take_in(due)
            if boundary.fault is not None:
                await in_thread(remote_devices.not_told, due, None)

    async def _take_in(self, due: DueList) -> None:
        try:
            fresh = FreshList(due.user_nid, due.epoch, await self._told(due))
            await in_thread(remote_devices.store, [fresh], tell=True)
        except MatrixError as error:
            _log.info("a device list cannot be had", user_id=due.user_id, error=error.message)
            retry_at_ts = error.retry_at_ts if isinstance(error, RemoteUnreachable) else None
            await in_thread(remote_devices.not_told, due, retry_at_ts)

    async def _told(self, due: DueList) -> RemoteKeys:
        try:
            answer = await self._source.device_list(due.server, due.user_id, SECONDS)
            return await in_thread(read_device_list, answer, due.user_id)
        except RemoteError:
            # "[It] must resynchronise its list by calling the /user/keys/query API": which does not tell the
            # number of the list, but is all that some servers have.
            answer = await self._source.queried_list(due.server, due.user_id, SECONDS)
            found = await in_thread(read_queried_keys, answer, due.user_id)
            if found is None:
                raise
            return found


class _Process:
    """Whether a run is under way in this process, and whether another is to follow."""

    lock = threading.Lock()
    running = False
    again = False


def _forget() -> None:
    _Process.lock = threading.Lock()
    _Process.running = _Process.again = False


os.register_at_fork(after_in_child=_forget)


def resync_soon() -> None:
    """Begin a run in this process, or have the present one followed by another. Waits for nothing."""
    if not get_config().federation.enabled:
        return
    with _Process.lock:
        if _Process.running:
            _Process.again = True
            return
        _Process.running = True
    loop.submit(Resync(keys).run()).add_done_callback(_ended)


def _ended(run: Future[None]) -> None:
    with _Process.lock:
        again, _Process.running, _Process.again = _Process.again, False, False
    if run.cancelled():
        return
    if (fault := run.exception()) is not None:
        _log.error("device lists wait to be asked for", exc_info=fault)
    elif again:
        resync_soon()
