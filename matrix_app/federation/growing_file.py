"""What arrives piece by piece and may be of any size: in memory while it is small, in a file from then on."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import TracebackType
from typing import IO, Self


class GrowingFile:
    """Up to `most` bytes stay in memory; `make` opens the file for what is larger. A context manager."""

    def __init__(self, most: int, make: Callable[[], IO[bytes]]) -> None:
        self._most = most
        self._make = make
        # To be read once all is there.
        self.file: IO[bytes] = io.BytesIO()
        self.size = 0
        # Told of the size whenever something has been added.
        self.noted: Callable[[int], None] = lambda _size: None

    def use(self, file: IO[bytes], size: int) -> None:
        """Have what is in a file already."""
        self.file, self.size = file, size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    @property
    def is_in_memory(self) -> bool:
        """Whether it is small, so far."""
        return self.size <= self._most

    def stays_in_memory(self, more: int) -> bool:
        """Whether it is still small with so many more bytes: then writing them waits for no disk."""
        return self.size + more <= self._most

    def write(self, data: bytes) -> int:
        """Add to the end."""
        if self.is_in_memory and not self.stays_in_memory(len(data)):
            held, self.file = self.file, self._make()
            held.seek(0)
            self.file.write(held.read())
        self.size += len(data)
        written = self.file.write(data)
        self.noted(self.size)
        return written


# Where an answer is written to.
Sink = IO[bytes] | GrowingFile
