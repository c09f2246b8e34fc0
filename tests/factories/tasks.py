"""The worker of tests: runs what was handed to it, at once and in this process."""

from __future__ import annotations

from django.utils.module_loading import import_string
from django_q.models import OrmQ


def run_tasks() -> list[str]:
    """Run every task that waits; the names of those that ran."""
    names = []
    for row in OrmQ.objects.order_by("pk"):
        task = row.task
        row.delete()
        import_string(task["func"])(*task["args"])
        names.append(str(task["func"]).rpartition(".")[2])
    return names
