"""How those who wait for long work learn how far it has come, and end it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Is told of each step. It may raise, which ends the work where it can be taken up again."""

    def check(self) -> None:
        """Raises when the work is to end, as the other steps may."""
        ...

    def surveyed(self, events: int) -> None:
        """An answer is here whole; it lists so many events."""
        ...

    def read(self, events: int) -> None:
        """So many more of them have been read."""
        ...

    def verified(self, events: int) -> None:
        """So many more have their signatures, or have been here before."""
        ...

    def stored(self, events: int) -> None:
        """So many more have been judged and stored."""
        ...

    def entering(self) -> None:
        """All is stored, and the room is about to begin: from here on it cannot be ended."""
        ...


class Unwatched:
    """Nobody looks."""

    def check(self) -> None:
        """See `Progress`."""

    def surveyed(self, events: int) -> None:
        """See `Progress`."""

    def read(self, events: int) -> None:
        """See `Progress`."""

    def verified(self, events: int) -> None:
        """See `Progress`."""

    def stored(self, events: int) -> None:
        """See `Progress`."""

    def entering(self) -> None:
        """See `Progress`."""
