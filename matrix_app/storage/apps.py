"""The Django application that owns every table of the homeserver."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import import_string


class StorageConfig(AppConfig):
    """Tables and migrations of the homeserver."""

    name = "matrix_app.storage"
    label = "storage"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tell other processes of every change of the stream made by this one."""
        from matrix_app.storage import stream

        stream.on_advance(_tell_others)


def _tell_others(entries: list[Any]) -> None:
    _listener()(entries)


@lru_cache(maxsize=1)
def _listener() -> Callable[[list[Any]], None]:
    # Imported when the first change is made: storage knows nothing of who waits.
    listener: Callable[[list[Any]], None] = import_string(settings.STREAM_LISTENER)
    return listener
