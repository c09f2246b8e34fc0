"""A process beside this one that verifies signatures while this one prepares the next.

Threads do not do for that: each has to wait for the interpreter's lock between two signatures, and being
woken takes about as long as verifying one. The process is there while rooms are being joined, and ends by
itself.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from typing import Final

import structlog

from appliance.apart import python_command
from matrix_app.federation.second_hand_process import READY, frame_of
from matrix_app.protocol.signing import Signed, are_signed

# So many signatures are handed over at once, and so many times before the first are back.
PART: Final = 24
MOST_BEGUN: Final = 3
# What is handed over at once has at most so many bytes; parts of huge events are verified here.
MOST_BYTES: Final = 1 << 20
# A process that takes longer is given up, and what it was to do is done here.
ANSWER_SECONDS: Final = 10.0

_BEGIN: Final = "from matrix_app.federation.second_hand_process import serve; serve()"

_log = structlog.get_logger("matrix_app.federation")

Verdicts = Callable[[], list[bool]]


class SecondHand:
    """Hands signatures over while there is a process that is ready for more, and else verifies them here."""

    def __init__(
        self,
        processors: int | None = None,
        verify_here: Callable[[Sequence[Signed]], list[bool]] = are_signed,
    ) -> None:
        # On the only processor of a machine it would but get in the way.
        self._is_of_use = (processors or len(os.sched_getaffinity(0))) > 1
        self._verify_here = verify_here
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def prepare(self) -> None:
        """Have a process soon, unless there is one."""
        with self._lock:
            if self._is_of_use and (self._child is None or self._child.has_ended()):
                self._let_go()
                self._child = _Child()

    def begin(self, signed: Sequence[Signed]) -> Verdicts:
        """Whether each signature matches, as what is returned says when it is called.

        It is called once, in any thread. All that was not handed over has been verified by then.
        """
        parts = [self._begin(signed[start : start + PART]) for start in range(0, len(signed), PART)]
        return lambda: list(chain.from_iterable(part() for part in parts))

    @property
    def process_id(self) -> int | None:
        """That of the process, if there is one."""
        return None if self._child is None else self._child.process_id

    def end(self) -> None:
        """Let the process go."""
        with self._lock:
            self._let_go()

    def _begin(self, part: Sequence[Signed]) -> Verdicts:
        with self._lock:
            child = self._child
            begun = child.begin(part) if child is not None else None
        if child is not None and begun is not None:
            return lambda: self._verdicts(child, begun)
        verdicts = self._verify_here(part)
        return lambda: verdicts

    def _verdicts(self, child: _Child, begun: _Begun) -> list[bool]:
        with self._lock:
            child.read(until=begun)
            if begun.verdicts is None and child is self._child:
                _log.warning("the process that verifies signatures has been given up")
                self._let_go()
        return self._verify_here(begun.signed) if begun.verdicts is None else begun.verdicts

    def _let_go(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


class _Begun:
    """What was handed over, and what came back."""

    def __init__(self, signed: Sequence[Signed]) -> None:
        self.signed = signed
        self.verdicts: list[bool] | None = None


class _Child:
    """The process, and what it has been given; to be used by one thread at a time."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            # It is there sooner without what Python looks for on its own.
            command = python_command(_BEGIN, options=("-S", "-E"))
            self._process = subprocess.Popen(  # noqa: S603  (Hearth's own module)
                command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL
            )
        self._is_ready = False
        self._begun: deque[_Begun] = deque()
        self._came = bytearray()

    @property
    def process_id(self) -> int:
        """Its ID, as long as it has not been waited for."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether it is no more."""
        return self._process.poll() is not None

    def begin(self, signed: Sequence[Signed]) -> _Begun | None:
        """Hand signatures over; None while it is not ready for them, and where they are too long."""
        try:
            self._take(0.0)
            if not self._is_ready or len(self._begun) >= MOST_BEGUN:
                return None
            frame = frame_of(signed)
            if len(frame) > MOST_BYTES:
                return None
            self._socket.settimeout(ANSWER_SECONDS)
            self._socket.sendall(frame)
        except OSError:
            # Whatever has arrived of it, the next could not be told from its rest.
            self.end()
            return None
        begun = _Begun(signed)
        self._begun.append(begun)
        return begun

    def read(self, until: _Begun) -> None:
        """Wait for what was handed over; it has no verdicts when that is in vain."""
        with suppress(OSError):
            while until.verdicts is None:
                if not self._take(ANSWER_SECONDS):
                    return

    def _take(self, seconds: float) -> bool:
        """Read what has come, or comes in so many seconds; False at the end."""
        self._socket.settimeout(seconds)
        try:
            came = self._socket.recv(65536)
        except BlockingIOError:
            return True
        if came and not self._is_ready:
            self._is_ready = came.startswith(READY)
            came = came[len(READY) :]
        self._came += came
        while self._begun and len(self._came) >= (count := len(self._begun[0].signed)):
            self._begun.popleft().verdicts = [byte == 1 for byte in self._came[:count]]
            del self._came[:count]
        return bool(came)

    def end(self) -> None:
        """Let it end: it does when nobody can speak to it."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


@lru_cache(maxsize=1)
def second_hand() -> SecondHand:
    """The one of this process."""
    return SecondHand()


os.register_at_fork(after_in_child=second_hand.cache_clear)
