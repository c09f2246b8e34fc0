"""Lets views go before syncs from the beginning, which take turns with them in one process.

A view is done after a few milliseconds of work in a dozen pieces, and each piece would have to wait until
such a sync lets go of the interpreter. So a sync looks before each of its statements whether a view is at
work, and lets it finish; but not for ever.
"""

from __future__ import annotations

import threading
import time
from typing import Final

# How long one statement of a sync waits for views, and all of its statements together.
LONGEST_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 0.5


class ViewsFirst:
    """Counts the views at work, on the event loop; others wait for them in threads of their own."""

    def __init__(self) -> None:
        self._active = 0
        self._nobody = threading.Event()
        self._nobody.set()

    def begin(self) -> None:
        """A view is about to begin."""
        self._active += 1
        self._nobody.clear()

    def end(self) -> None:
        """It is done, or waits for something else."""
        self._active -= 1
        if not self._active:
            self._nobody.set()

    @property
    def are_at_work(self) -> bool:
        """Whether any view is."""
        return self._active > 0

    def wait(self, seconds: float) -> bool:
        """Wait until no view is at work, at most so many seconds; False when one still is."""
        return not self._active or self._nobody.wait(seconds)


class GivingWay:
    """The patience of one piece of work that lets views go first: to be called wherever it may pause."""

    def __init__(self, views: ViewsFirst) -> None:
        self._views = views
        self._left = PATIENCE_SECONDS

    def __call__(self) -> None:
        """Let the views that are at work finish, while there is patience left."""
        if self._left <= 0:
            return
        began = time.monotonic()
        self._views.wait(min(LONGEST_SECONDS, self._left))
        self._left -= time.monotonic() - began


views_first = ViewsFirst()
