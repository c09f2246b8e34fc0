"""A PostgreSQL of the tests' own: in a temporary folder, on a Unix socket, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = {
    # What is in it is thrown away: nothing is gained by waiting for the disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "logging_collector": "off",
}
START_SECONDS = 60


class Owner(NamedTuple):
    """Who runs the server: PostgreSQL refuses to be run by root."""

    uid: int
    gid: int

    def as_popen(self) -> dict[str, Any]:
        """Arguments that start a process as this user."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def _owner() -> Owner:
    if os.geteuid() != 0:
        return Owner(os.geteuid(), os.getegid())
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(entry.pw_uid, entry.pw_gid)
    raise RuntimeError("there is no user nobody to run PostgreSQL as")


@contextmanager
def throwaway_cluster(programs: Path) -> Iterator[str]:
    """The URL of a database in a new cluster that ends, and is deleted, with the block."""
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="hearth-postgresql-", dir="/tmp"))
    os.chown(folder, owner.uid, owner.gid)
    try:
        _initialise(programs, folder, owner)
        with _running(programs, folder, owner):
            yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(programs: Path, folder: Path, owner: Owner) -> None:
    command: list[str | Path] = [programs / "initdb", "-D", folder / "data", "-U", "postgres", "--auth=trust"]
    command += ["--encoding=UTF8", "--locale=C", "--no-sync"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **owner.as_popen())
    if done.returncode:
        raise RuntimeError(f"initdb failed:\n{done.stderr}")


@contextmanager
def _running(programs: Path, folder: Path, owner: Owner) -> Iterator[None]:
    command: list[str | Path] = [programs / "postgres", "-D", folder / "data", "-k", folder]
    for name, value in SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, **owner.as_popen()
        )
    try:
        _wait_until_ready(server, folder)
        yield
    finally:
        server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        server.wait(START_SECONDS)


def _wait_until_ready(server: subprocess.Popen[bytes], folder: Path) -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(f"host={folder} user=postgres dbname=postgres").close()
        except psycopg.OperationalError as fault:
            if server.poll() is not None or time.monotonic() > deadline:
                log = (folder / "log").read_text(errors="replace")
                raise RuntimeError(f"PostgreSQL did not start:\n{log}") from fault
            time.sleep(0.05)
        else:
            return
