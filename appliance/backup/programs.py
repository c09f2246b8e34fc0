"""Running the programs of PostgreSQL, whose data goes through pipes and never lies on a disk by the way."""

from __future__ import annotations

import io
import os
import select
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, Final

from appliance.backup.errors import BackupError
from appliance.config.addresses import DatabaseAddress
from matrix_app.protocol.said import said

POLL_SECONDS: Final = 0.5
_TOLD_BYTES: Final = 1000

# Called while a program is at work; raises to end it.
Tick = Callable[[], None]


def conninfo(address: DatabaseAddress) -> str:
    """What libpq connects by; without the password, which is not for lists of processes."""
    from psycopg.conninfo import make_conninfo

    given = {"dbname": address.name, "user": address.user, "host": address.host, "port": address.port}
    return make_conninfo(**{key: value for key, value in given.items() if value}, **dict(address.options))


@contextmanager
def output_of(command: list[str], address: DatabaseAddress, tick: Tick) -> Iterator[Output]:
    """What a program writes, to be read to its end; raises `BackupError` when the program fails."""
    with _program(command, address, tick, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield Output(process.stdout, tick)


@contextmanager
def input_of(command: list[str], address: DatabaseAddress, tick: Tick) -> Iterator[Input]:
    """What a program reads, to be written; raises `BackupError` when the program fails."""
    with _program(command, address, tick, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        yield Input(process.stdin, tick)


@contextmanager
def _program(
    command: list[str], address: DatabaseAddress, tick: Tick, **pipes: int
) -> Iterator[subprocess.Popen[bytes]]:
    environment = dict(os.environ)
    if address.password:
        environment["PGPASSWORD"] = address.password
    with tempfile.TemporaryFile() as faults:
        process = _started(command, env=environment, stderr=faults, **pipes)
        try:
            with suppress(BrokenPipeError):  # it has ended too early, and says why
                yield process
            _wait(process, tick)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        if process.returncode:
            raise BackupError(
                said(
                    "{command} failed: {fault}",
                    command=command[0],
                    fault=_end_of(faults) or process.returncode,
                )
            )


def _started(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **options}
    try:
        return subprocess.Popen(command, bufsize=0, **given)  # noqa: S603  (no shell; the arguments are ours)
    except FileNotFoundError:
        raise BackupError(
            said(
                "{command} is not installed: install the package postgresql-client of the server's version",
                command=command[0],
            )
        ) from None


def _wait(process: subprocess.Popen[bytes], tick: Tick) -> None:
    if process.stdin is not None:
        process.stdin.close()
    while True:
        try:
            process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            tick()
        else:
            return


def _end_of(faults: IO[bytes]) -> str:
    faults.seek(max(0, faults.seek(0, os.SEEK_END) - _TOLD_BYTES))
    return faults.read().decode(errors="replace").strip()


class Output(io.BufferedIOBase):
    """What a program writes."""

    def __init__(self, pipe: IO[bytes], tick: Tick) -> None:
        self._pipe = pipe
        self._tick = tick
        self.size = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        while not select.select([self._pipe], [], [], POLL_SECONDS)[0]:
            self._tick()
        chunk = os.read(self._pipe.fileno(), 1 << 20 if size is None or size < 0 else size)
        self.size += len(chunk)
        self._tick()
        return chunk


class Input:
    """What a program reads."""

    def __init__(self, pipe: IO[bytes], tick: Tick) -> None:
        self._pipe = pipe
        self._tick = tick

    def write(self, data: bytes, /) -> int:
        """Hand it all over; raises `BrokenPipeError` when the program has ended."""
        left = memoryview(data)
        while left:
            while not select.select([], [self._pipe], [], POLL_SECONDS)[1]:
                self._tick()
            left = left[os.write(self._pipe.fileno(), left[: select.PIPE_BUF]) :]
        self._tick()
        return len(data)
