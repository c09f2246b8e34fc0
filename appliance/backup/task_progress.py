"""How long tasks of backups tell how far they are."""

from __future__ import annotations

from appliance.backup.errors import BackupCancelled
from matrix_app.services.long_tasks import LongTask
from matrix_app.storage.clock import now_ms


def tell(task: LongTask, name: str, done: int, total: int | None) -> None:
    """Note how far it is; raises `BackupCancelled` when somebody wants its end."""
    task.step, task.done, task.total = name, done, total
    if task.note():
        raise BackupCancelled


class Seldom:
    """Notes how far it is, every second at most."""

    def __init__(self, task: LongTask) -> None:
        self._task = task
        self._last = 0

    def __call__(self, name: str, done: int, total: int | None) -> None:
        if now_ms() - self._last >= 1000:
            self._last = now_ms()
            tell(self._task, name, done, total)
