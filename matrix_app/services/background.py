"""Handing work that nobody waits for to the worker."""

from __future__ import annotations

from typing import Any

from matrix_app.storage import db


def run_later(task: str, *arguments: Any) -> None:
    """Have a function of `matrix_app/tasks.py` called in a worker, once what is being written is committed.

    Tasks are idempotent, and find in Hearth's own tables what there is to do: give them IDs, not secrets.
    """

    def enqueue() -> None:
        from django_q.tasks import async_task

        async_task(f"matrix_app.tasks.{task}", *arguments)

    db.on_commit(enqueue)
