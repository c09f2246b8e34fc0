"""Files on their way here: each fetched once for all who ask, into a temporary file, and then stored."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from functools import lru_cache
from typing import IO, Any, Final, NamedTuple, TypeVar

from appliance.config import get_config
from matrix_app.protocol.errors import MatrixError, NotYetUploaded, RemoteUnreachable, Unavailable
from matrix_app.services.media_jobs import storing
from matrix_app.services.store_media import GivenFile, refuse_without_space

# Those who ask again so soon after something could not be had are told the same.
FAULT_SECONDS: Final = 60.0
HURRIED_SECONDS: Final = 5.0
MOST_FAULTS: Final = 10_000
# How many fetches may run and wait in a process; each holds an open file.
MOST_FETCHES: Final = 256

T = TypeVar("T")


class RemoteFile(NamedTuple):
    """What the other side says of a file."""

    content_type: str | None
    file_name: str | None


class Fetch(NamedTuple):
    """How to get a file and what to do with it.

    `download` has it written to the file that it is given; `store` then runs in a thread that may wait.
    """

    key: Hashable
    download: Callable[[IO[bytes]], Future[RemoteFile]]
    store: Callable[[GivenFile], Any]


class Fetches:
    """The fetches of a process, and those that failed lately."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Hashable, Future[Any]] = {}
        self._faults: OrderedDict[Hashable, tuple[float, MatrixError]] = OrderedDict()

    def start(self, fetch: Fetch) -> Future[Any]:
        """What `fetch.store` returns, or why there is none; raises what came of it a short time ago."""
        with self._lock:
            running = self._running.get(fetch.key)
            if running is not None:
                return running
            self._raise_fault(fetch.key)
            if len(self._running) >= MOST_FETCHES:
                raise Unavailable("The server is busy fetching other media")
            outcome: Future[Any] = Future()
            self._running[fetch.key] = outcome
        self._begin(fetch, outcome)
        return outcome

    def _raise_fault(self, key: Hashable) -> None:
        until, fault = self._faults.get(key, (0.0, None))
        if fault is None:
            return
        if time.monotonic() < until:
            raise fault
        del self._faults[key]

    def _begin(self, fetch: Fetch, outcome: Future[Any]) -> None:
        try:
            refuse_without_space()
            file = tempfile.TemporaryFile(dir=get_config().server.data_dir)  # noqa: SIM115  (closed at the end)
            download = fetch.download(file)
        except BaseException as error:
            self._end(fetch.key, outcome, error)
            raise
        download.add_done_callback(lambda done: self._downloaded(fetch, file, done, outcome))

    def _downloaded(
        self, fetch: Fetch, file: IO[bytes], download: Future[RemoteFile], outcome: Future[Any]
    ) -> None:
        try:
            given = GivenFile(file, *download.result())
            file.seek(0)
            stored = storing().submit(fetch.key, lambda: fetch.store(given))
        except (Exception, CancelledError) as error:  # noqa: BLE001  (told to those who wait)
            file.close()
            self._end(fetch.key, outcome, error)
            return
        stored.add_done_callback(lambda done: self._stored(fetch, file, done, outcome))

    def _stored(self, fetch: Fetch, file: IO[bytes], stored: Future[Any], outcome: Future[Any]) -> None:
        file.close()
        error = stored.exception()
        self._end(fetch.key, outcome, error, None if error else stored.result())

    def _end(
        self, key: Hashable, outcome: Future[Any], error: BaseException | None, result: Any = None
    ) -> None:
        if isinstance(error, CancelledError):
            error = RemoteUnreachable("The server is being stopped")
        with self._lock:
            del self._running[key]
            if isinstance(error, MatrixError):
                self._remember(key, error)
        if error is None:
            outcome.set_result(result)
        else:
            outcome.set_exception(error)

    def _remember(self, key: Hashable, error: MatrixError) -> None:
        seconds = HURRIED_SECONDS if isinstance(error, (NotYetUploaded, Unavailable)) else FAULT_SECONDS
        # What was in the frames of the one that failed is not to stay in memory.
        error.__traceback__ = error.__cause__ = error.__context__ = None
        self._faults[key] = (time.monotonic() + seconds, error)
        self._faults.move_to_end(key)
        if len(self._faults) > MOST_FAULTS:
            self._faults.popitem(last=False)


@lru_cache(maxsize=1)
def fetches() -> Fetches:
    """Those of this process."""
    return Fetches()


os.register_at_fork(after_in_child=fetches.cache_clear)
