"""Says that this process has been told to stop, so that whoever waits for news can be answered at once.

The server waits for requests under way before it stops; a sync that waits half a minute for news would
hold it up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class _State:
    stopping = False
    callbacks: list[Callable[[], None]] = []


def is_stopping() -> bool:
    """Whether this process is to end soon. Under a server that does not announce it, never."""
    return _State.stopping


def on_stopping(callback: Callable[[], None]) -> None:
    """Have `callback` called, in the event loop, when this process is told to stop."""
    _State.callbacks.append(callback)


def announce_stopping() -> None:
    """Called by the server, in its event loop."""
    _State.stopping = True
    for callback in _State.callbacks:
        callback()
