"""What a long task writes into its log, stored with its progress: a flood costs no more than what is kept."""

from __future__ import annotations

from collections import deque

from matrix_app.storage import task_lines
from matrix_app.storage.clock import now_ms
from matrix_app.storage.task_lines import MOST_LINES, Line


class TaskLog:
    """The log of a task at work."""

    def __init__(self, task_nid: int, step: str) -> None:
        self._task_nid = task_nid
        self._step = step
        self._waiting: deque[Line] = deque(maxlen=MOST_LINES)

    def add(self, text: str, *, is_warning: bool = False) -> None:
        """Write a line, which is stored with the next progress."""
        self._waiting.append(Line(now_ms(), is_warning, text))

    def come_to(self, step: str) -> None:
        """Write the step that the task is at, where that is another than before."""
        if step and step != self._step:
            self.add(step)
        self._step = step

    def write(self) -> None:
        """Store what was written; in a transaction."""
        if self._waiting:
            task_lines.add(self._task_nid, list(self._waiting))
            self._waiting.clear()
