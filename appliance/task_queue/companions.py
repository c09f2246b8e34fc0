"""What runs beside the tasks in a worker process, from its start to its end."""

from __future__ import annotations

from contextlib import ExitStack

from django.conf import settings
from django.utils.module_loading import import_string


def companions() -> ExitStack:
    """Starts what `WORKER_COMPANIONS` names: functions that return what stops them again."""
    stack = ExitStack()
    for path in settings.WORKER_COMPANIONS:
        stack.callback(import_string(path)())
    return stack
