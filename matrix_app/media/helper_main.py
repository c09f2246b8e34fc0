"""The process that opens what strangers made: it gets open files over a socket and ends when it is idle."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import IO, Any, Final

from matrix_app.media.thumbnail_request import Drawn, Wanted

# Without work for so long it ends, and its memory is free.
IDLE_SECONDS: Final = 60.0
LARGEST_REQUEST: Final = 4096
# Whoever asked has given up by then.
MOST_SECONDS: Final = 60
# The interpreter, Pillow and its codecs; and the bytes that each pixel may take while it is worked on.
_BASE_BYTES: Final = 400 << 20
_PIXEL_BYTES: Final = 12

Answer = dict[str, Any]


def main(number: int) -> None:
    """Serve requests on an inherited socket until nobody asks any more."""
    os.nice(5)
    with socket.socket(fileno=number) as line:
        line.settimeout(IDLE_SECONDS)
        while _serve(line):
            continue


def _serve(line: socket.socket) -> bool:
    try:
        request, files, _, _ = socket.recv_fds(line, LARGEST_REQUEST, 2)
    except TimeoutError:
        return False
    if not request:
        return False
    signal.alarm(MOST_SECONDS)
    asked = json.loads(request)
    work = _WORK[asked.pop("kind")]
    with io.BufferedReader(_FromStart(files[0])) as source, os.fdopen(files[1], "wb") as target:
        answer = work(source, target, asked)
    signal.alarm(0)
    line.sendall(json.dumps(answer).encode())
    return True


class _FromStart(io.RawIOBase):
    """A file read from its start, without moving the place at which whoever sent it reads."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self._place = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read at the present place."""
        count = os.preadv(self._number, [buffer], self._place)
        self._place += count
        return count

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move the place."""
        start = (0, self._place, os.fstat(self._number).st_size)[whence]
        self._place = max(0, start + offset)
        return self._place

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            os.close(self._number)
        super().close()


def _limit_memory(pixels: int) -> None:
    most = _BASE_BYTES + _PIXEL_BYTES * pixels
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def _draw(source: IO[bytes], target: IO[bytes], asked: Answer) -> Answer:
    from matrix_app.media.thumbnails import draw

    wanted = Wanted(**asked)
    _limit_memory(wanted.max_pixels)
    try:
        return draw(source, target, wanted)._asdict()
    except MemoryError:
        return Drawn("too_large")._asdict()


def _measure(source: IO[bytes], _target: IO[bytes], _asked: Answer) -> Answer:
    from matrix_app.media.thumbnails import measure

    _limit_memory(0)
    return measure(source)._asdict()


def _read_page(source: IO[bytes], target: IO[bytes], asked: Answer) -> Answer:
    from matrix_app.media.page import read_page

    _limit_memory(0)
    target.write(json.dumps(read_page(source.read(), asked["charset"])).encode())
    return {"read": True}


_WORK: Final[dict[str, Callable[[IO[bytes], IO[bytes], Answer], Answer]]] = {
    "draw": _draw,
    "measure": _measure,
    "page": _read_page,
}

if __name__ == "__main__":
    main(int(sys.argv[1]))
