"""How long work tells how far it is, whoever listens: a terminal, a task's page, nobody."""

from __future__ import annotations

from collections.abc import Callable

# Called with what is being done, how much of it is done, and of how much.
Tell = Callable[[str, int, int | None], None]


def to_nobody(_step: str, _done: int, _total: int | None) -> None:
    """Nobody wants to know."""
