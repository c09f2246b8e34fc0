"""Bringing one server what waits for it, and what follows when it does not take it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import structlog

from appliance.metrics.counted import TRANSACTIONS_SENT
from matrix_app.federation.loop import in_thread
from matrix_app.federation.paths import federation_path
from matrix_app.federation.sender import catch_up, records
from matrix_app.federation.sender.queue import Batch, DestinationQueue
from matrix_app.federation.sender.transaction import Transaction
from matrix_app.protocol.errors import MatrixError, RemoteError, RemoteUnreachable
from matrix_app.storage.destinations import Health

SEND_TIMEOUT: Final = 30.0
PATIENT_TIMEOUT: Final = 60.0
# A request is made twice at most, each time within its time-out. After so many more seconds it hangs where no
# time-out is: nothing may keep a server waiting for ever.
HANGS_SECONDS: Final = 120.0
# Transactions under way: to servers that answer, and to such as did not lately.
AT_ONCE: Final = 64
LATE_AT_ONCE: Final = 16
# When to look again at what stands in the database, and at what broke here.
LOOK_AGAIN_SECONDS: Final = 1.0
BROKEN_SECONDS: Final = 10.0

_log = structlog.get_logger("matrix_app.federation.sender")


class Client(Protocol):
    """What the sender needs of the federation client."""

    def check(self, destination: str) -> Health:
        """See `FederationClient.check`."""
        ...

    async def request(
        self,
        destination: str,
        method: str,
        path: str,
        *,
        content: dict[str, Any],
        timeout: float,
        health: Health,
    ) -> Any:
        """See `FederationClient.request`."""
        ...


class Delivery:
    """Sends what queues hold. `changed` is told of each queue whose state is to be noted."""

    def __init__(
        self, client: Client, position: Callable[[], int], changed: Callable[[DestinationQueue], None]
    ) -> None:
        self._client = client
        self._position = position
        self._changed = changed
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._late_slots = asyncio.Semaphore(LATE_AT_ONCE)

    async def deliver(self, queue: DestinationQueue) -> None:
        """Send what there is for a server, as long as it takes it."""
        try:
            await self._send_all(queue)
        except Exception:  # noqa: BLE001  (the boundary of the delivery: logged, and tried again)
            _log.exception("cannot send", server=queue.name, again_in=BROKEN_SECONDS)
            self.leave_behind(queue)
            queue.not_before = time.monotonic() + BROKEN_SECONDS

    def leave_behind(self, queue: DestinationQueue) -> None:
        """Keep nothing more for a server: the database says what it lacks, once it is asked again."""
        queue.fall_behind()
        self._changed(queue)

    async def _send_all(self, queue: DestinationQueue) -> None:
        late = queue.behind
        try:
            async with self._late_slots if late else self._slots:
                if late:
                    await self._catch_up(queue)
                while queue.has_work and not queue.is_stopped:
                    await self._send(queue, PATIENT_TIMEOUT if late else SEND_TIMEOUT)
                    if queue.is_full:
                        self.leave_behind(queue)
        except MatrixError as error:
            await self._failed(queue, error)

    async def _catch_up(self, queue: DestinationQueue) -> None:
        if queue.flight is not None:
            await self._send(queue, PATIENT_TIMEOUT)
        position = self._position()
        queue.start_catching_up(position)
        queue.lacks(await in_thread(catch_up.lacking, queue.server_nid, queue.sent, position))
        queue.note_caught_up()

    async def _send(self, queue: DestinationQueue, timeout: float) -> None:
        batch: Batch = queue.next_batch()
        queue.has_messages &= not batch.messages
        transaction, health = await in_thread(self._depart, queue, batch)
        queue.departs(batch, transaction.txn_id)
        if isinstance(health, MatrixError):
            raise health
        if health is not None:
            await self._request(queue.name, transaction, timeout, health)
        if transaction.message_nids:
            await in_thread(records.delete_messages, transaction.message_nids)
            queue.has_messages |= len(transaction.message_nids) == batch.messages
        if queue.refuses:
            await in_thread(records.refuses_no_more, queue.server_nid)
        queue.delivered(batch)
        self._changed(queue)

    def _depart(
        self, queue: DestinationQueue, batch: Batch
    ) -> tuple[Transaction, Health | MatrixError | None]:
        """The transaction, and how the server is that is to get it; both on one way to the database."""
        transaction = records.depart(queue.server_nid, queue.sent, batch)
        if transaction.is_empty and not queue.greet:
            return transaction, None
        try:
            return transaction, self._client.check(queue.name)
        except MatrixError as fault:
            return transaction, fault

    async def _request(self, name: str, transaction: Transaction, timeout: float, health: Health) -> None:
        path = federation_path("v1", "send", transaction.txn_id)
        async with asyncio.timeout(2 * timeout + HANGS_SECONDS):
            await self._client.request(
                name, "PUT", path, content=transaction.content, timeout=timeout, health=health
            )
        TRANSACTIONS_SENT.labels("taken").inc()

    async def _failed(self, queue: DestinationQueue, error: MatrixError) -> None:
        TRANSACTIONS_SENT.labels("failed").inc()
        if not _is_uncertain(error):
            queue.ends_flight()
        self.leave_behind(queue)
        queue.not_before = time.monotonic() + LOOK_AGAIN_SECONDS
        if _is_left_alone(error):
            # When it may be asked again stands in the database, where whoever hears of it changes that.
            _log.info("a server is left behind", server=queue.name, error=error.message)
            return
        queue.refuses = True
        seconds = await in_thread(records.refused, queue.server_nid, error)
        _log.warning("a server takes nothing", server=queue.name, error=error.message, again_in=seconds)


def _is_left_alone(error: MatrixError) -> bool:
    return isinstance(error, RemoteUnreachable | RemoteError) and error.is_left_alone


def _is_uncertain(error: MatrixError) -> bool:
    """Whether what was sent may have been taken nevertheless."""
    if isinstance(error, RemoteUnreachable):
        return error.may_have_arrived
    return isinstance(error, RemoteError) and error.remote_status >= 500
