"""What a waiting endpoint's handler returns when it has nothing to answer yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Wait:
    """Wait for a change that concerns the user or the rooms, up to `seconds`, then go on.

    `is_idle` is asked on the event loop, cheaply, before the wait begins and after each wake-up;
    `resume(timed_out)` runs in a thread and returns an answer or another `Wait`.
    """

    user_nid: int
    room_nids: frozenset[int]
    seconds: float
    is_idle: Callable[[], bool]
    resume: Callable[[bool], Any]
