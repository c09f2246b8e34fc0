"""django-q2's database broker, without its polling."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django_q.brokers.orm import ORM
from django_q.conf import Conf

from appliance.task_queue.wakeups import wakeups


class WokenBroker(ORM):  # type: ignore[misc]  # django-q2 has no types
    """Hands out tasks the moment they are committed; the polling interval is only the safety net."""

    def enqueue(self, task: str) -> int:
        """Writes the task, and wakes the worker once it can see it."""
        key: int = super().enqueue(task)
        transaction.on_commit(wakeups().wake)
        return key

    def dequeue(self) -> list[tuple[int, str]]:
        """Tasks to run; waits for a wake-up when there are none, and is then asked again."""
        tasks = self._take()
        if not tasks:
            wakeups().wait(Conf.POLL)
        return tasks

    def _take(self) -> list[tuple[int, str]]:
        """Locks due tasks, a few at a time; what another worker was faster to lock is left to it."""
        from django.utils import timezone

        waiting = self.get_connection().filter(key=self.list_key, lock__lt=timezone.now())
        taken: list[tuple[int, str]] = []
        for row in waiting.order_by("pk")[: Conf.BULK]:
            mine: Any = self.get_connection().filter(pk=row.pk, lock=row.lock)
            if mine.update(lock=self.timeout(row)):
                taken.append((row.pk, row.payload))
        return taken
