"""Starting the whole server anew from within: for settings that are read once, such as its name.

The sockets stay open meanwhile, so that nobody is refused: who connects waits until the new processes answer.
Under systemd it is systemd that keeps them, and that starts each service again.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from appliance.config import get_config
from appliance.data_lock import holders
from appliance.process import reset_signals
from appliance.supervisor import RESTART_SIGNAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.service_manager import ServiceManager

# The exit code of a service that is to be started again (EX_TEMPFAIL); the units say it too.
START_ME_AGAIN: Final = 75
# Open sockets that one process hands to the next in its place: numbers with commas between.
_VARIABLE: Final = "HEARTH_KEPT_SOCKETS"


def request_restart() -> bool:
    """Have all processes end in order and start anew. Returns at once; False where nobody can do it."""
    asked = False
    for pid in holders(get_config().server.run_dir):
        try:
            os.kill(pid, RESTART_SIGNAL)
        except (ProcessLookupError, PermissionError):
            return False
        asked = True
    return asked


def can_restart() -> bool:
    """Whether there is somebody to ask: a server that Hearth itself supervises."""
    return bool(holders(get_config().server.run_dir))


def start_anew(listeners: Iterable[socket.socket], manager: ServiceManager) -> int:
    """Put a new process in place of this one, which has stopped its children; or have systemd do it."""
    if not manager.is_there:
        _replace_this_process(listeners)
    return START_ME_AGAIN


def _replace_this_process(listeners: Iterable[socket.socket]) -> NoReturn:
    numbers = []
    for listener in listeners:
        listener.set_inheritable(True)
        numbers.append(str(listener.fileno()))
    os.environ[_VARIABLE] = ",".join(numbers)
    signal.signal(RESTART_SIGNAL, signal.SIG_IGN)  # asked twice: the new start is under way already
    reset_signals()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  (this program again)


def kept_listeners() -> list[socket.socket]:
    """The sockets that the process before has left to this one."""
    found = []
    for number in os.environ.pop(_VARIABLE, "").split(","):
        if number:
            listener = socket.socket(fileno=int(number))
            listener.set_inheritable(False)
            found.append(listener)
    return found
