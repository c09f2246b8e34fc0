"""How much waits, and how much there is, at a moment: asked when somebody wants to know."""

from __future__ import annotations

import shutil
from typing import NamedTuple

from appliance.config import get_config
from appliance.metrics.processes import figures


class State(NamedTuple):
    """A figure with its name for Prometheus and what it is."""

    name: str
    help: str
    value: float


def states() -> list[State]:
    """Every figure of this moment."""
    return [*_work(), *_machine()]


def _work() -> list[State]:
    from django_q.brokers import get_broker

    from matrix_app.storage import destination_list, push_queue, staging
    from matrix_app.storage.clock import now_ms
    from matrix_app.storage.local_server import local_server_name

    local = local_server_name()
    waiting, oldest = staging.backlog()
    age = 0.0 if oldest is None else max(0.0, (now_ms() - oldest) / 1000)
    return [
        State("hearth_tasks_waiting", "Background tasks that wait.", get_broker().queue_size()),
        State("hearth_federation_staged", "Events of other servers that wait to be judged.", waiting),
        State("hearth_federation_lag_seconds", "How long the oldest of them has waited.", age),
        State(
            "hearth_federation_behind",
            "Servers that are owed something.",
            destination_list.count(local, kind="behind"),
        ),
        State(
            "hearth_federation_failing",
            "Servers that do not answer.",
            destination_list.count(local, kind="failing"),
        ),
        State("hearth_push_waiting", "Notifications that wait.", push_queue.size()),
    ]


def _machine() -> list[State]:
    from appliance.diagnostics.sizes import database_bytes

    found, folder = figures(), get_config().server.data_dir
    disk = shutil.disk_usage(folder if folder.exists() else "/")
    return [
        State("hearth_processes", "Processes of this server.", found.processes),
        State("hearth_memory_bytes", "Their memory, with shared pages by share (PSS).", found.memory),
        State("hearth_descriptors", "Their open files and connections.", found.descriptors),
        State("hearth_threads", "Their threads.", found.threads),
        State("hearth_disk_used_bytes", "What is taken of the disk with the data.", disk.total - disk.free),
        State("hearth_disk_free_bytes", "What is left of it.", disk.free),
        State("hearth_database_bytes", "The size of the database.", database_bytes()),
    ]
