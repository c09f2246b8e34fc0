"""Where a fault of our own ends: at the one event, EDU or change that has it, so that nothing else waits."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

import structlog

from matrix_app.protocol.errors import Unavailable
from matrix_app.storage import db

# What has nothing to do with the work within: the room is busy, or the database away.
PASSING: Final = (Unavailable, *db.PASSING)

_log = structlog.get_logger("matrix_app.boundary")


class Boundary:
    """A context manager that logs what goes wrong within, keeps it as `fault`, and goes on behind.

    What is passing goes through, and so does what ends the process. Errors that are an answer to somebody are
    for the code within to handle.
    """

    def __init__(
        self,
        message: str,
        *,
        passing: tuple[type[Exception], ...] = (),
        is_logged: bool = True,
        **more: object,
    ) -> None:
        """`message` and `more` are what is logged; `passing` goes through as well as `PASSING`.

        Not `is_logged` is what is tried once more, in smaller parts.
        """
        self._message = message
        self._is_logged = is_logged
        self._passing = (*PASSING, *passing)
        self._more = more
        self.fault: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(fault, Exception) or isinstance(fault, self._passing):
            return False
        self.fault = fault
        if self._is_logged:
            _log.error(self._message, exc_info=fault, **self._more)
        return True
