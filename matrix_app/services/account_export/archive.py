"""A ZIP archive that is written in parts, which together are one file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from types import TracebackType
from typing import IO, Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from appliance.config import get_config

_CHUNK: Final = 1 << 20


class Entry(NamedTuple):
    """A file of the archive, as the list at the archive's end has it."""

    name: str
    offset: int
    crc: int
    compressed: int
    size: int
    method: int
    flags: int
    time: tuple[int, int, int, int, int, int]


class _Sink:
    """Where the archive goes: it counts from the beginning of the whole, and cannot go back."""

    def __init__(self, file: IO[bytes], offset: int) -> None:
        self._file = file
        self._place = offset

    def write(self, data: bytes, /) -> int:
        self._file.write(data)
        self._place += len(data)
        return len(data)

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Leave the file open: the part closes it."""


class Part:
    """The next part of an archive, of which `offset` bytes have been written; a temporary file."""

    def __init__(self, offset: int) -> None:
        # Not in /tmp, which may be in memory.
        self.file: IO[bytes] = tempfile.TemporaryFile(dir=get_config().server.data_dir)  # noqa: SIM115  (closed with the part)
        self._start = offset
        self._sink = _Sink(self.file, offset)
        self._zip = ZipFile(self._sink, "w", ZIP_DEFLATED)

    def __enter__(self) -> Part:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()
        self.file.close()

    @property
    def size(self) -> int:
        """How many bytes the part has."""
        return self._sink.tell() - self._start

    def add(self, name: str, content: bytes | str) -> None:
        """Add a file."""
        self._zip.writestr(ZipInfo(name, _now()), content, ZIP_DEFLATED)

    def copy(self, name: str, source: IO[bytes], size: int) -> None:
        """Add a file of a known size that is compressed already, most likely, with bounded memory."""
        info = ZipInfo(name, _now())
        info.compress_type, info.file_size = ZIP_STORED, size
        with self._zip.open(info, "w") as target:
            while chunk := source.read(_CHUNK):
                target.write(chunk)

    def names(self) -> list[str]:
        """The files that have been added."""
        return [info.filename for info in self._zip.infolist()]

    def finish(self) -> list[Entry]:
        """The entries of the part, whose file is at its beginning then."""
        end = self.size
        entries = [_entry(info) for info in self._zip.infolist()]
        self._zip.close()
        # The list belongs to the end of the whole.
        self.file.truncate(end)
        self.file.seek(0)
        return entries

    def close_archive(self, before: Iterable[Entry]) -> None:
        """End the archive with the list of its files: those of the parts `before`, and of this one."""
        self._zip.filelist[:0] = [_info(entry) for entry in before]
        self._zip.close()
        self.file.seek(0)


def _now() -> tuple[int, int, int, int, int, int]:
    return time.gmtime()[:6]


def _entry(info: ZipInfo) -> Entry:
    return Entry(
        info.filename,
        info.header_offset,
        info.CRC,
        info.compress_size,
        info.file_size,
        info.compress_type,
        info.flag_bits,
        info.date_time,
    )


def _info(entry: Entry) -> ZipInfo:
    info = ZipInfo(entry.name, tuple(entry.time))  # type: ignore[arg-type]
    info.header_offset, info.CRC = entry.offset, entry.crc
    info.compress_size, info.file_size = entry.compressed, entry.size
    info.compress_type, info.flag_bits = entry.method, entry.flags
    return info
