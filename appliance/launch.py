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

from appliance import started_with
from appliance.config import get_config
from appliance.data_lock import DataInUse, claim
from appliance.folders import make_folders
from appliance.logging import set_up_logging
from appliance.metrics import folder as metrics_folder
from appliance.preload import APPLICATION, Part, preload, preload_for_peers
from appliance.prepare import check_current, prepare
from appliance.process import end_when_told, give_memory_back, reset_signals
from appliance.restart import kept_listeners, start_anew
from appliance.restore_mode import restore_first
from appliance.restore_order import read_order
from appliance.service_manager import ServiceManager
from appliance.sharing import share_memory
from appliance.supervisor import RESTART, Child, Supervisor
from appliance.version import VERSION
from appliance.web.listeners import CannotListen, listeners_for

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection

    from appliance.config import Config

log = structlog.get_logger(__name__)

SLOW_START_SECONDS = 60.0
# When the garbage collector of a web process looks at what is young, at what is older, and at all there is;
# nobody is served meanwhile. By default it looks at 7,000 objects of a herd in one go, 3 ms, and at all of
# them, 10 ms, each time that there are a quarter more. What requests leave goes without it.
WEB_COLLECTIONS = (700, 3, 100)
# Of a worker, for which few wait: most of what it makes of a room with hundreds of events is gone by then.
WORKER_COLLECTIONS = (10_000, 5, 10)


def start(*parts: Part, wait_seconds: float = 0.0) -> int:
    """Runs a server, or a part of one, until it is told to stop; the exit code, or `NotWritable`.

    A whole server waits so long for a database that cannot be used yet.
    """
    manager, config = ServiceManager(), get_config()
    end_when_told()
    set_up_logging(config.logging, recent=config.server.data_dir / "logs")
    print(f"Hearth {VERSION} for {config.server.name}", flush=True)
    make_folders(config)
    try:
        if read_order(config.server.data_dir) is not None:
            return restore_first(config, _listeners(config, parts), manager)
        part = "" if len(parts) == len(Part) else parts[0]
        with claim(config.server.run_dir, part):
            started_with.note(config.server.run_dir, part, config)
            listeners = _listeners(config, parts)
            code = Launch(config, listeners, parts, manager, wait_seconds).run()
        return start_anew(listeners, manager) if code == RESTART else code
    except DataInUse:
        print(f"a server runs already with the data in {config.server.data_dir}", file=sys.stderr)
    except CannotListen as fault:
        print(fault, file=sys.stderr)
    return 1


def _listeners(config: Config, parts: Collection[Part]) -> list[socket.socket]:
    return listeners_for(config.server.listen, kept=kept_listeners()) if Part.WEB in parts else []


class Launch:
    """The start of one server or a part of it, and its life."""

    def __init__(
        self,
        config: Config,
        listeners: list[socket.socket],
        parts: Collection[Part],
        manager: ServiceManager,
        wait_seconds: float = 0.0,
    ) -> None:
        self._config = config
        self._listeners = listeners
        self._parts = parts
        self._manager = manager
        self._wait_seconds = wait_seconds
        self._ready, self._ready_writer = os.pipe()
        os.set_blocking(self._ready, False)
        self._began = time.monotonic()
        self._warned = False

    def run(self) -> int:
        """Prepares, starts, and supervises until told to stop; the exit code, or `RESTART`.

        A part alone prepares nothing: several are started at once, and after `hearth migrate`.
        """
        give_memory_back()
        metrics_folder.begin(self._config.server.run_dir)
        preparing = _in_child(self._prepare)
        preload(self._parts)
        if code := preparing():
            return code
        _rehearse(alone=Part.WORKER in self._parts)
        share_memory()
        grace = self._config.web.graceful_timeout_seconds + 5.0
        supervisor = Supervisor(self._children(), grace_seconds=grace, manager=self._manager)
        return supervisor.run(self._announce_when_ready)

    def _prepare(self) -> int:
        if len(self._parts) < len(Part):
            return check_current(self._config)
        from appliance.cli.progress import Progress

        return prepare(self._config, Progress(), self._wait_seconds)

    def _children(self) -> list[Child]:
        children = [Child("web", self._web)] if Part.WEB in self._parts else []
        if Part.WORKER in self._parts:
            for number in range(self._config.worker.processes):
                children.append(Child(f"worker {number + 1}", partial(self._worker, number)))
        return children

    def _web(self) -> int:
        from appliance.process import bind_descendants
        from appliance.web.server import serve

        _begin_child()
        gc.set_threshold(*WEB_COLLECTIONS)
        bind_descendants()
        application = importlib.import_module(APPLICATION).application
        return serve(self._config, application, self._listeners, self._ready_writer)

    def _worker(self, number: int) -> int:
        from appliance.task_queue.worker import work

        _begin_child()
        gc.set_threshold(*WORKER_COLLECTIONS)
        for listener in self._listeners:
            listener.close()
        if Part.WEB not in self._parts:
            os.write(self._ready_writer, b"+")
        return work(number)

    def _announce_when_ready(self) -> bool:
        try:
            os.read(self._ready, 1)
        except BlockingIOError:
            self._warn_when_slow()
            return False
        addresses = ", ".join(_url(listener) for listener in self._listeners)
        at = f" at {addresses}" if addresses else ""
        print(f"ready after {time.monotonic() - self._began:.1f} s{at}", flush=True)
        self._manager.ready()
        return True

    def _warn_when_slow(self) -> None:
        if not self._warned and time.monotonic() - self._began > SLOW_START_SECONDS:
            self._warned = True
            log.warning("the processes have not begun yet", seconds=SLOW_START_SECONDS)


def _rehearse(*, alone: bool) -> None:
    """Asks the database once, so that what Django makes on the first question is shared too.

    When no worker can be at work, `alone`, the tasks that the last one left are offered again.
    """
    from django.conf import settings
    from django.db import connections
    from django_q.brokers import get_broker

    from appliance.config.stored import refresh as refresh_settings
    from appliance.task_queue.abandoned import release_abandoned

    if alone:
        release_abandoned()
    refresh_settings(now=True)
    preload_for_peers()
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
