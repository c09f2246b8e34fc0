"""What one application service is sent next, and what becomes of it. All of this asks the database."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

import orjson
import structlog

from matrix_app.appservices.building import build
from matrix_app.appservices.interest import Interest
from matrix_app.protocol.appservice_registration import Appservice
from matrix_app.services.appservices import appservices
from matrix_app.services.retry_wait import growing, spread
from matrix_app.storage import appservice_queue, db, device_messages, stream
from matrix_app.storage.appservice_queue import Progress
from matrix_app.storage.clock import now_ms

FIRST_RETRY_MS: Final = 1_000
LONGEST_RETRY_MS: Final = 300_000
SAVE_SECONDS: Final = 10.0

_log = structlog.get_logger("matrix_app.appservices")


class Transaction(NamedTuple):
    """A stored transaction that the service has still to take."""

    txn_id: str
    body: bytes


class Line:
    """The line to one service. Used by one thread at a time."""

    def __init__(self, service: Appservice) -> None:
        self.service = service
        self._interest = Interest(service)
        self._position: int | None = None
        self._saved = 0.0
        self._backlog: set[int] = set()

    def next_transaction(self) -> Transaction | None:
        """What to send now; None when there is nothing, or the service is paused or left alone."""
        progress = self._progress()
        if progress is None or progress.is_paused or (progress.retry_ts or 0) > now_ms():
            return None
        if progress.pending is not None:
            return Transaction(progress.txn_id, progress.pending)
        return self._build(progress)

    def _progress(self) -> Progress | None:
        found = appservice_queue.get(self.service.id)
        if found is None and self.service in appservices():
            with db.write():
                appservice_queue.begin(self.service.id, stream.current_position())
            found = appservice_queue.get(self.service.id)
            _log.info("a service is sent what happens from now on", service=self.service.id)
        if found is not None and self._position is None:
            self._begin(found)
        return found

    def _begin(self, progress: Progress) -> None:
        self._position = progress.position
        oldest = stream.oldest_logged()
        if oldest > progress.position + 1:
            _log.error("a service was away too long: changes are no longer known", service=progress.id)
        if self.service.encrypts:
            self._backlog = appservice_queue.devices_with_messages(self.service.id)

    def _build(self, progress: Progress) -> Transaction | None:
        position = max(self._position or 0, progress.position)
        while True:
            built = build(self.service, self._interest, position, self._backlog)
            if built is None:
                self._position = position
                self._save(position)
                return None
            position = built.upto
            if built.body is not None:
                break
        body = orjson.dumps(built.body)
        with db.write():
            if not appservice_queue.put_pending(self.service.id, body, position, built.devices):
                self._position = None  # with it, what was taken from the backlog is forgotten
                return None
        self._position = position
        return Transaction(progress.txn_id, body)

    def _save(self, position: int) -> None:
        """Note now and then that nothing up to a position is for the service."""
        if time.monotonic() >= self._saved + SAVE_SECONDS:
            self._saved = time.monotonic()
            with db.write():
                appservice_queue.move(self.service.id, position)

    def delivered(self) -> None:
        """The service has the transaction; its users' devices have their messages."""
        with db.write():
            progress = appservice_queue.get(self.service.id)
            if progress is None or progress.pending_devices is None:
                return
            for device_nid, upto in orjson.loads(progress.pending_devices):
                while device_messages.acknowledge(device_nid, upto) == 1000:
                    continue
            appservice_queue.delivered(self.service.id)

    def failed(self, fault: str, wait_seconds: int | None = None) -> None:
        """The service is left alone for a while: longer each time, or as long as it says."""
        progress = appservice_queue.get(self.service.id)
        failures = 0 if progress is None else progress.failures
        wait = growing(FIRST_RETRY_MS, failures, LONGEST_RETRY_MS)
        if wait_seconds is not None:
            wait = min(max(wait, wait_seconds * 1000), LONGEST_RETRY_MS)
        retry_ts = now_ms() + spread(wait)
        with db.write():
            appservice_queue.failed(self.service.id, fault[:500], retry_ts)
        _log.warning("a service takes nothing", service=self.service.id, fault=fault, again_in_ms=wait)
