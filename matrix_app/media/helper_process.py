"""Has files that strangers made opened by a process of its own, one at a time, within a time limit."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from typing import IO, Any, Final

from matrix_app.protocol.errors import Unavailable

QUEUE_SECONDS: Final = 30.0
_ANSWER_BYTES: Final = 4096

Answer = dict[str, Any]


class HelperProcess:
    """Starts the process when there is something to do, and again after it has ended."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def ask(self, source: IO[bytes], target: IO[bytes], request: Answer) -> Answer | None:
        """What the process answers, which may write into `target`; both are real files.

        None when the process did not live or last long enough to answer. Raises `Unavailable`.
        """
        if not self._turn.acquire(timeout=QUEUE_SECONDS):
            raise Unavailable("The server is busy with other files")
        try:
            answer = self._asked(source, target, request)
            if answer is None:  # the process had just ended for lack of work
                answer = self._asked(source, target, request)
            return answer or None
        finally:
            self._turn.release()

    def stop(self) -> None:
        """End the process, if there is one."""
        with self._turn:
            self._end()

    def _asked(self, source: IO[bytes], target: IO[bytes], request: Answer) -> Answer | None:
        """The answer, empty when there is none; None when the process had ended by itself."""
        line = self._line or self._start()
        source.flush()
        try:
            socket.send_fds(line, [json.dumps(request).encode()], [source.fileno(), target.fileno()])
            answer = line.recv(_ANSWER_BYTES)
        except TimeoutError:
            self._end()
            return {}
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        if answer:
            found: Answer = json.loads(answer)
            return found
        ended_idle = self._end() == 0
        return None if ended_idle else {}

    def _start(self) -> socket.socket:
        mine, theirs = socket.socketpair()
        mine.settimeout(self._seconds)
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(  # noqa: S603  (this very interpreter)
                [sys.executable, "-m", "matrix_app.media.helper_main", str(number)],
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
