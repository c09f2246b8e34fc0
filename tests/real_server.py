"""A Hearth of a test's own: real processes with a folder, a database and a loopback port to themselves."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.toml_text import Tables, merged, toml_text

PROJECT = Path(__file__).resolve().parents[1]
READY_SECONDS = 60.0
STOP_SECONDS = 30.0

# Anybody may register, nothing is limited, passwords are hashed in no time, and nothing leaves this machine.
LENIENT: Tables = {
    "registration": {"mode": "open", "guests": True},
    "password_policy": {"argon2_memory_kib": 8, "argon2_rounds": 1},
    "rate_limits": {"enabled": False},
    "federation": {"trusted_key_servers": [], "allow_servers": ["nowhere.invalid"]},
    "rooms": {"public_directory_without_login": True, "user_directory_shows_everyone": True},
    "diagnostics": {"enabled": False, "push_gateway": "", "federation_peer": ""},
    "logging": {"level": "warning"},
}


class RealServer:
    """Starts and stops `hearth run`, or another command, for a configuration. A context manager."""

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str = "",
        settings: Tables | None = None,
        public_host: str = "",
        port: int | None = None,
        command: Sequence[str] = ("appliance.cli", "run"),
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        # As browsers know it: passkeys need a name, and scripts a secure context.
        self.public_base = f"http://{public_host}:{self.port}" if public_host else self.base
        self.log = folder / "log.txt"
        self.database_url = database_url or f"sqlite:///{folder}/var/hearth.sqlite3"
        self._config = folder / "hearth.toml"
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        server = {"name": f"127.0.0.1:{self.port}", "listen": [f"127.0.0.1:{self.port}"], "data_dir": "var"}
        if public_host:
            server["public_baseurl"] = self.public_base
        database = {"url": database_url or "sqlite:///hearth.sqlite3"}
        mine: Tables = {"server": server, "database": database}
        self._config.write_text(toml_text(merged(LENIENT, mine, settings or {})), encoding="utf-8")

    def __enter__(self) -> RealServer:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The first of the server's processes, from which the others come."""
        assert self._process is not None, "the server was not started"
        return self._process.pid

    def start(self) -> None:
        """Starts the server, and waits until it answers."""
        self.start_without_waiting()
        self.wait_until_ready()

    def start_without_waiting(self) -> None:
        """Starts the server, which may have something to do before it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._command],
                cwd=PROJECT, env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def environment(self) -> dict[str, str]:
        """That of this server's commands."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HEARTH_", "DJANGO_"))}
        return kept | {"HEARTH_CONFIG": str(self._config), "PYTHONDONTWRITEBYTECODE": "1"}

    def wait_until_ready(self) -> None:
        """Returns when the server answers; fails with the end of its log when it ends or takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            process = self._process
            assert process is not None, "the server was not started"
            assert process.poll() is None, f"the server ended with {process.returncode}:\n{self.log_end()}"
            assert time.monotonic() < deadline, f"no answer in {READY_SECONDS:.0f} s:\n{self.log_end()}"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base}/_matrix/client/versions", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> int:
        """Ends the server as an owner does; the exit code of its first process."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            kill_all(process.pid, *descendants(process.pid))
            process.wait()
            raise AssertionError(f"did not stop in {STOP_SECONDS:.0f} s:\n{self.log_end()}") from None

    def crash(self) -> None:
        """SIGKILL for every process of the server at once."""
        process, self._process = self._process, None
        assert process is not None, "the server was not started"
        kill_all(process.pid, *descendants(process.pid))
        process.wait()

    def crash_children(self) -> None:
        """SIGKILL for every process but the supervisor, which has to start them again."""
        assert self._process is not None, "the server was not started"
        kill_all(*descendants(self._process.pid))

    def log_end(self, characters: int = 4000) -> str:
        """What the server printed last."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-characters:]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def descendants(pid: int) -> list[int]:
    """The children of a process, their children, and so on."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        born = children.get(waiting.pop(), [])
        found += born
        waiting += born
    return found


def kill_all(*pids: int) -> None:
    """SIGKILL for each that still runs."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


@contextmanager
def scratch_database(url: str) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database on the server that `url` names; dropped at the end."""
    import psycopg
    from psycopg import sql

    name = f"hearth_real_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class Elsewhere(NamedTuple):
    """A server that somebody else runs."""

    base: str


@contextmanager
def judged_server(
    folder: Path, engine: str, settings: Tables | None = None
) -> Iterator[RealServer | Elsewhere]:
    """As `real_server`; or the one at HEARTH_TEST_SERVER, to try a test on another homeserver."""
    if base := os.environ.get("HEARTH_TEST_SERVER"):
        yield Elsewhere(base)
        return
    with real_server(folder, engine, settings) as server:
        yield server


@contextmanager
def real_server(folder: Path, engine: str, settings: Tables | None = None) -> Iterator[RealServer]:
    """A server that runs, on SQLite or on a new PostgreSQL database beside HEARTH_TEST_DATABASE."""
    with ExitStack() as stack:
        url = ""
        if engine == "postgresql":
            url = stack.enter_context(scratch_database(os.environ["HEARTH_TEST_DATABASE"]))
        yield stack.enter_context(RealServer(folder, database_url=url, settings=settings))


def engines() -> list[str]:
    """The kinds of database that this run can test: PostgreSQL when HEARTH_TEST_DATABASE names one."""
    given = os.environ.get("HEARTH_TEST_DATABASE", "")
    return ["sqlite", "postgresql"] if given.startswith("postgres") else ["sqlite"]
