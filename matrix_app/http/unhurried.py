"""What the event loop does a little at a time, and after views: what many bring at once and nobody waits for.

When everybody comes back at the same moment, hundreds of connections end and hundreds of requests begin, each
a fraction of a millisecond of the loop. In one go they are ten milliseconds in which no view gets on, as it
needs the loop to begin and to be answered. Who waits for news anyway, or has left, does not notice
a pause of a millisecond. So views go before them here, as in the threads of syncs (`views_first`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Final

from matrix_app.http.views_first import ViewsFirst, views_first

# How many are done in one go, and for how long the loop then belongs to the views that are at work.
AT_ONCE: Final = 8
PAUSE_SECONDS: Final = 0.001


class Unhurried:
    """Calls functions on the event loop, in the order in which they came."""

    def __init__(self, views: ViewsFirst, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._views = views
        self._pause = pause_seconds
        self._waiting: deque[tuple[Callable[..., object], tuple[Any, ...], Context]] = deque()
        self._is_due = False

    def soon(self, function: Callable[..., object], *args: Any) -> None:
        """Call it in one of the next turns of the loop."""
        self._waiting.append((function, args, copy_context()))
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._do_some)

    def _do_some(self) -> None:
        loop = asyncio.get_running_loop()
        some = min(AT_ONCE, len(self._waiting))
        for _ in range(some):
            function, args, context = self._waiting.popleft()
            loop.call_soon(function, *args, context=context)
        # The pause is kept after the last ones too: those who come one by one may be as many.
        if some and self._views.are_at_work:
            loop.call_later(self._pause, self._do_some)
        elif self._waiting:
            loop.call_soon(self._do_some)
        else:
            self._is_due = False


unhurried = Unhurried(views_first)
