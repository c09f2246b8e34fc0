"""A start in which nothing runs but a restore, and a page that says how far it is (ADR 17).

The restore is a child of the supervisor like any other: one that is killed is started again, and begins anew
with what was there before. Parts that serve nothing wait until the restore has come to its end.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from appliance.data_lock import DataInUse, claim
from appliance.restart import start_anew
from appliance.restore_order import read_order
from appliance.supervisor import RESTART, RESTART_SIGNAL, Child, Supervisor

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from appliance.config import Config
    from appliance.service_manager import ServiceManager

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 0.2
GRACE_SECONDS: Final = 10.0


def restore_first(config: Config, listeners: Sequence[socket.socket], manager: ServiceManager) -> int:
    """Carry the order out, or wait for whoever does, and start anew; the exit code of this process.

    Whoever has sockets serves the page on them and restores; there is one such part of a server.
    """
    if listeners:
        log.warning("a backup is being restored; the server starts when that is done")
        children = [
            Child("waiting page", partial(_serve_page, config, listeners)),
            Child("restore", partial(_restore, config, listeners)),
        ]
    else:
        children = [Child("waiting for the restore", partial(_wait_for_the_end, config))]
    manager.ready()
    code = Supervisor(children, grace_seconds=GRACE_SECONDS, manager=manager).run()
    return start_anew(listeners, manager) if code == RESTART else code


def _serve_page(config: Config, listeners: Sequence[socket.socket]) -> int:
    import django

    from appliance.process import bind_descendants

    django.setup()
    from admin_ui.waiting import WaitingApplication
    from appliance.web.server import serve

    bind_descendants()
    return serve(config, WaitingApplication(config.server), list(listeners), None, processes=1)


def _restore(config: Config, listeners: Sequence[socket.socket]) -> int:
    from appliance.carry_out_order import carry_out

    for listener in listeners:
        listener.close()
    signal.signal(RESTART_SIGNAL, signal.SIG_IGN)  # it is under way already
    with _claimed(config):
        carry_out(config)
    return _ask_for_the_start()


def _claimed(config: Config) -> ExitStack:
    """The data for this process alone, as soon as everybody else has let go of it."""
    while True:
        try:
            return claim(config.server.run_dir)
        except DataInUse:
            time.sleep(LOOK_SECONDS)


def _wait_for_the_end(config: Config) -> int:
    while read_order(config.server.data_dir) is not None:
        time.sleep(LOOK_SECONDS)
    return _ask_for_the_start()


def _ask_for_the_start() -> int:
    """Have the supervisor end its children, this one too, and start the server."""
    os.kill(os.getppid(), RESTART_SIGNAL)
    while True:
        signal.pause()
