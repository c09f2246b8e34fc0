"""What is loaded before processes are forked: they share it, where each would load it for itself."""

from __future__ import annotations

import gc
import importlib
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

APPLICATION = "appliance.asgi"


class Part(StrEnum):
    """What a server consists of; systemd runs each as a service."""

    WEB = "web"
    WORKER = "worker"


_BY_BOTH = ("appliance.task_queue.broker", "django.db.models.sql.compiler")
_BY = {
    Part.WEB: (
        APPLICATION,
        "appliance.web.server",
        "uvloop",
        "uvicorn.loops.uvloop",
        "uvicorn.lifespan.on",
        "uvicorn.protocols.http.httptools_impl",
    ),
    Part.WORKER: ("matrix_app.tasks", "appliance.task_queue.worker"),
}
# The client for other servers: 6 MiB, and more in each process that loads it by itself. Their first request
# waits for it, as keys are asked for to check it.
_TO_SPEAK_TO_SERVERS = (
    "matrix_app.federation.authentication",
    "matrix_app.federation.client",
    "matrix_app.federation.device_lists",
    "matrix_app.federation.inbound.backfill",
    "matrix_app.federation.inbound.filling",
    "matrix_app.federation.keys",
    "matrix_app.federation.outbound.rooms",
    "matrix_app.federation.waiting",
)
# What finds servers by their names: 4 MiB, which the first name of all is looked up without.
_TO_FIND_SERVERS = ("dns.asyncresolver",)


def preload(parts: Collection[Part]) -> None:
    """Imports what the processes of these parts need from their start on.

    They share its memory as long as nobody writes to it, so the garbage collector, which would mark every
    object, is kept away.
    """
    gc.disable()
    import django

    django.setup()
    for module in _modules(parts):
        importlib.import_module(module)


def preload_for_peers() -> None:
    """Imports what a server needs that has met others; the database can be read."""
    from appliance.config import get_config
    from matrix_app.storage import destinations

    if get_config().federation.enabled and destinations.any_answered():
        for module in _TO_FIND_SERVERS:
            importlib.import_module(module)


def _modules(parts: Collection[Part]) -> Iterator[str]:
    from django.conf import settings

    from appliance.config import get_config

    for part in parts:
        yield from _BY[part]
    yield from _BY_BOTH
    if Part.WORKER in parts:
        for companion in settings.WORKER_COMPANIONS:
            yield companion.rpartition(".")[0]
    if get_config().federation.enabled:
        yield from _TO_SPEAK_TO_SERVERS
