"""Has thumbnails drawn by a process of their own, one at a time, within a time limit."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from functools import lru_cache
from typing import IO, Final

from matrix_app.media.thumbnail_request import Drawn, Wanted
from matrix_app.protocol.errors import Unavailable

DRAW_SECONDS: Final = 30.0
QUEUE_SECONDS: Final = 30.0
_ANSWER_BYTES: Final = 4096


class Thumbnailer:
    """Starts the process when there is something to draw, and again after it has ended."""

    def __init__(self, draw_seconds: float = DRAW_SECONDS) -> None:
        self._draw_seconds = draw_seconds
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def draw(self, source: IO[bytes], target: IO[bytes], wanted: Wanted) -> Drawn:
        """Write a thumbnail of `source` into `target`; both are real files. Raises `Unavailable`."""
        if not self._turn.acquire(timeout=QUEUE_SECONDS):
            raise Unavailable("The server is busy with other thumbnails")
        try:
            # The process may just have ended for lack of work.
            answer = self._asked(source, target, wanted) or self._asked(source, target, wanted)
        finally:
            self._turn.release()
        return answer or Drawn("unsupported")

    def stop(self) -> None:
        """End the process, if there is one."""
        with self._turn:
            self._end()

    def _asked(self, source: IO[bytes], target: IO[bytes], wanted: Wanted) -> Drawn | None:
        """The answer; None when the process ended by itself. Whatever kills it cannot be drawn."""
        line = self._line or self._start()
        source.seek(0)
        try:
            request = json.dumps(wanted._asdict()).encode()
            socket.send_fds(line, [request], [source.fileno(), target.fileno()])
            answer = line.recv(_ANSWER_BYTES)
        except TimeoutError:
            self._end()
            return Drawn("unsupported")
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        if answer:
            return Drawn(*json.loads(answer))
        ended_idle = self._end() == 0
        return None if ended_idle else Drawn("unsupported")

    def _start(self) -> socket.socket:
        mine, theirs = socket.socketpair()
        mine.settimeout(self._draw_seconds)
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(  # noqa: S603  (this very interpreter)
                [sys.executable, "-m", "matrix_app.media.thumbnail_process", str(number)],
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(number,),
                start_new_session=True,
            )
        self._line = mine
        return mine

    def _end(self) -> int | None:
        """How the process ended, after ending it if need be."""
        line, process = self._line, self._process
        self._line = self._process = None
        if line is None or process is None:
            return None
        line.close()
        try:
            return process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


@lru_cache(maxsize=1)
def thumbnailer() -> Thumbnailer:
    """The one of this process."""
    return Thumbnailer()


os.register_at_fork(after_in_child=thumbnailer.cache_clear)
