"""Has thumbnails drawn, and pictures measured, by a process of their own."""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from typing import IO, Final

from matrix_app.media.helper_process import HelperProcess
from matrix_app.media.thumbnail_request import Drawn, Measured, Wanted

DRAW_SECONDS: Final = 30.0


class Thumbnailer(HelperProcess):
    """Draws one thumbnail after the other."""

    def __init__(self, draw_seconds: float = DRAW_SECONDS) -> None:
        super().__init__(draw_seconds)

    def draw(self, source: IO[bytes], target: IO[bytes], wanted: Wanted) -> Drawn:
        """Write a thumbnail of `source` into `target`; both are real files. Raises `Unavailable`.

        Whatever ends the process, or takes too long, cannot be drawn.
        """
        answer = self.ask(source, target, {"kind": "draw", **wanted._asdict()})
        return Drawn("unsupported") if answer is None else Drawn(**answer)

    def measure(self, source: IO[bytes]) -> Measured:
        """The size of a picture in a real file, zeroes for what is none. Raises `Unavailable`."""
        with tempfile.TemporaryFile() as nowhere:
            answer = self.ask(source, nowhere, {"kind": "measure"})
        return Measured(0, 0) if answer is None else Measured(**answer)


@lru_cache(maxsize=1)
def thumbnailer() -> Thumbnailer:
    """The one of this process."""
    return Thumbnailer()


os.register_at_fork(after_in_child=thumbnailer.cache_clear)
