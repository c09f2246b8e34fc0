"""Telling how far work is: a bar for people, nothing for programs."""

from __future__ import annotations

import sys

_WIDTH = 30
_CLEAR = "\r\x1b[K"


class Progress:
    """Draws on the standard error where that is a terminal; else a line whenever another step begins."""

    # The bar that stands on the terminal now and has not been left.
    _drawn: Progress | None = None

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._step = ""
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Say how much of a step is done."""
        if self._quiet:
            return
        if step != self._step:
            self.end()
            self._step = step
            if not self._is_terminal:
                print(step, file=sys.stderr, flush=True)
        if self._is_terminal:
            Progress._drawn = self
            print(f"{_CLEAR}{step:<22} {_bar(done, total)}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if Progress._drawn is self:
            leave()


def leave() -> None:
    """Leave the bar that stands there, if any, as it is."""
    if Progress._drawn is not None:
        Progress._drawn = None
        print(file=sys.stderr)


def clear() -> None:
    """Make room for a line of something else; a bar that stands there is drawn again with its next news."""
    if Progress._drawn is not None:
        Progress._drawn = None
        print(_CLEAR, end="", file=sys.stderr)


def _bar(done: int, total: int | None) -> str:
    if not total:
        return f"{done}" if done else ""
    filled = min(_WIDTH, _WIDTH * done // total)
    return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {min(100, 100 * done // total):>3} %"
