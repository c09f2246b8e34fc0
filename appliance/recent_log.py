"""The latest log lines of all processes in two bounded files, so that a page can show them.

Each line is JSON and written by one `write` to a file opened for appending, so that processes do not mix
theirs. Whoever finds the file full moves it aside. What is kept for good is where the standard error goes to.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

NAME: Final = "recent.jsonl"
OLDER: Final = "recent.1.jsonl"
MOST_BYTES: Final = 4 << 20
# A longer line is cut, so that it is written at once.
MOST_LINE: Final = 16_000


class RecentLog(logging.Handler):
    """Appends each line to the file of a folder, and begins a new one when it is full."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._file = folder / NAME
        self._descriptor: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Append a line; a folder that cannot be written to costs the page its lines and nothing else."""
        line = self.format(record).encode("utf-8", "replace")
        if len(line) > MOST_LINE:
            line = orjson.dumps({"event": line[:MOST_LINE].decode("utf-8", "ignore"), "level": "info"})
        try:
            os.write(self._opened(), line + b"\n")
        except OSError:
            self._descriptor = None

    def _opened(self) -> int:
        if self._descriptor is not None:
            status = os.fstat(self._descriptor)
            if status.st_size < MOST_BYTES and status.st_nlink:
                return self._descriptor
            if status.st_nlink:
                self._move_aside(status.st_ino)
            os.close(self._descriptor)
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(self._file, flags, 0o640)
        return self._descriptor

    def _move_aside(self, inode: int) -> None:
        """Unless another process has done so already."""
        try:
            if self._file.stat().st_ino == inode:
                self._file.replace(self._file.with_name(OLDER))
        except FileNotFoundError:
            return


def lines(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines that are kept, the latest first; what is no JSON is left out."""
    for name in (NAME, OLDER):
        try:
            content = (folder / name).read_bytes()
        except FileNotFoundError:
            continue
        for line in reversed(content.splitlines()):
            try:
                found = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if isinstance(found, dict):
                yield found
