"""The process that draws thumbnails: it gets open files over a socket and ends when it is idle."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
from typing import Final

from matrix_app.media.thumbnail_request import Drawn, Wanted
from matrix_app.media.thumbnails import draw

# Without work for so long it ends, and its memory is free.
IDLE_SECONDS: Final = 60.0
LARGEST_REQUEST: Final = 4096
# Whoever asked has given up by then.
MOST_SECONDS: Final = 60
# The interpreter, Pillow and its codecs; and the bytes that each pixel may take while it is worked on.
_BASE_BYTES: Final = 400 << 20
_PIXEL_BYTES: Final = 12


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
    drawn = _draw(Wanted(**json.loads(request)), *files)
    signal.alarm(0)
    line.sendall(json.dumps(drawn).encode())
    return True


def _draw(wanted: Wanted, source: int, target: int) -> Drawn:
    most = _BASE_BYTES + _PIXEL_BYTES * wanted.max_pixels
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    with os.fdopen(source, "rb") as readable, os.fdopen(target, "wb") as writable:
        try:
            return draw(readable, writable, wanted)
        except MemoryError:
            return Drawn("too_large")


if __name__ == "__main__":
    main(int(sys.argv[1]))
