"""Starting a server: one process imports everything, prepares the data, and forks the others."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import structlog

from appliance.prepare import prepare
from appliance.process import give_memory_back, reset_signals
from appliance.supervisor import Child, Supervisor

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from appliance.config import Config

log = structlog.get_logger(__name__)

APPLICATION = "appliance.asgi"
# What the processes would otherwise import one by one, each for itself.
PRELOADED = (
    APPLICATION,
    "matrix_app.tasks",
    "appliance.web.server",
    "appliance.task_queue.broker",
    "appliance.task_queue.worker",
    "uvloop",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "django.db.models.sql.compiler",
)
SLOW_START_SECONDS = 60.0


class Launch:
    """The start of one server, and its life."""

    def __init__(self, config: Config, listeners: list[socket.socket]) -> None:
        self._config = config
        self._listeners = listeners
        self._ready, self._ready_writer = os.pipe()
        os.set_blocking(self._ready, False)
        self._began = time.monotonic()
        self._warned = False

    def run(self) -> int:
        """Prepares, starts, and supervises until told to stop; the exit code."""
        give_memory_back()
        preparing = _in_child(lambda: prepare(self._config))
        self._preload()
        if code := preparing():
            return code
        _rehearse()
        gc.freeze()
        children = [Child("web", self._web)]
        for number in range(self._config.worker.processes):
            children.append(Child(f"worker {number + 1}", partial(self._worker, number)))
        grace = self._config.web.graceful_timeout_seconds + 5.0
        return Supervisor(children, grace_seconds=grace).run(self._announce_when_ready)

    def _preload(self) -> None:
        """Imports what the children need. They share its memory as long as nobody writes to it, so
        the garbage collector, which would mark every object, is kept away."""
        gc.disable()
        import django

        django.setup()
        for module in PRELOADED:
            importlib.import_module(module)

    def _web(self) -> int:
        from appliance.process import bind_descendants
        from appliance.web.server import serve

        _begin_child()
        bind_descendants()
        application = importlib.import_module(APPLICATION).application
        return serve(self._config, application, self._listeners, self._ready_writer)

    def _worker(self, number: int) -> int:
        from appliance.task_queue.worker import work

        _begin_child()
        for listener in self._listeners:
            listener.close()
        return work(number)

    def _announce_when_ready(self) -> bool:
        try:
            os.read(self._ready, 1)
        except BlockingIOError:
            self._warn_when_slow()
            return False
        addresses = ", ".join(_url(listener) for listener in self._listeners)
        print(f"ready after {time.monotonic() - self._began:.1f} s at {addresses}", flush=True)
        return True

    def _warn_when_slow(self) -> None:
        if not self._warned and time.monotonic() - self._began > SLOW_START_SECONDS:
            self._warned = True
            log.warning("the web process has not answered yet", seconds=SLOW_START_SECONDS)


def _rehearse() -> None:
    """Asks the database once, so that what Django makes on the first question is shared too."""
    from django.conf import settings
    from django.db import connections
    from django_q.brokers import get_broker

    from appliance.config.stored import refresh as refresh_settings
    from appliance.task_queue.abandoned import release_abandoned

    release_abandoned()
    refresh_settings(now=True)
    if not settings.Q_CLUSTER.get("redis"):
        get_broker().queue_size()
    connections.close_all()


def _begin_child() -> None:
    """The garbage collector works on what the child makes, not on what it shares."""
    gc.enable()


def _url(listener: socket.socket) -> str:
    name = listener.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{host}:{name[1]}"


def _in_child(work: Callable[[], int]) -> Callable[[], int]:
    """Starts `work` in a process whose memory goes when it ends; the result waits for its exit code."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return partial(_exit_code, pid)
    code = 1
    try:
        reset_signals()
        code = work()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _exit_code(pid: int) -> int:
    return abs(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
