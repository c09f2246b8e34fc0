"""gunicorn as Hearth runs it: on sockets that are open, from an application that is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from appliance.web.worker import HearthWorker

if TYPE_CHECKING:
    import socket

    from appliance.config import Config


class PlainLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Hands gunicorn's own lines to the logging that Hearth has set up."""

    def setup(self, cfg: Any) -> None:
        """Keeps no handler and no level of its own."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        self.loglevel = self.error_log.getEffectiveLevel()


class WebServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """The arbiter of the web processes."""

    def __init__(
        self, config: Config, application: Any, listeners: list[socket.socket], processes: int
    ) -> None:
        self._config = config
        self._processes = processes
        self._application = application
        self._listeners = listeners
        super().__init__()

    def load_config(self) -> None:
        """The settings that differ from gunicorn's defaults."""
        web = self._config.web
        settings = {
            "bind": [f"fd://{listener.fileno()}" for listener in self._listeners],
            "worker_class": HearthWorker,
            "workers": self._processes,
            "graceful_timeout": web.graceful_timeout_seconds,
            "timeout": 60,
            "keepalive": 75,
            "logger_class": PlainLogger,
            "control_socket_disable": True,
            "proc_name": "hearth",
            "preload_app": True,
            "on_starting": _keep_sockets,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application, which the supervisor has imported."""
        return self._application


def _keep_sockets(arbiter: Any) -> None:
    """The sockets belong to the supervisor: the arbiter must not remove their files when it ends."""
    arbiter.systemd = True


def serve(
    config: Config,
    application: Any,
    listeners: list[socket.socket],
    ready_fd: int | None,
    processes: int | None = None,
) -> int:
    """Serves until told to stop; writes one byte to `ready_fd` when a process has begun to serve.

    There are so many processes as `processes` says, or the configuration.
    """
    HearthWorker.ready_fd = ready_fd
    try:
        Arbiter(WebServer(config, application, listeners, processes or config.web.processes)).run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
