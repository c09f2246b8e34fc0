"""`hearth web` and `hearth worker` as systemd runs them, with real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.data_lock import holders
from appliance.restart import START_ME_AGAIN
from appliance.supervisor import RESTART_SIGNAL
from tests.real_server import LENIENT, PROJECT
from tests.toml_text import merged, toml_text

pytestmark = pytest.mark.slow

SECONDS = 60
# What systemd does between fork and exec: the socket as descriptor 3, and whom it is for.
HAND_OVER = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3<&"$SOCKET"'


class Machine:
    """Starts verbs with a data folder and a socket for what they tell their manager."""

    def __init__(self, folder: Path, manager: socket.socket) -> None:
        config = folder / "hearth.toml"
        own = {"server": {"name": "example.org", "data_dir": "var", "listen": ["127.0.0.1:1"]}}
        config.write_text(toml_text(merged(LENIENT, own)), encoding="utf-8")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HEARTH_", "DJANGO_"))}
        self.manager = manager
        self.run_dir = folder / "var" / "run"
        self.environ = {
            **inherited,
            "HEARTH_CONFIG": str(config),
            "NOTIFY_SOCKET": manager.getsockname(),
            "WATCHDOG_USEC": "1000000",
        }
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, verb: str, listener: socket.socket | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "appliance.cli", verb]
        environ = dict(self.environ)
        if listener:
            environ["SOCKET"] = str(listener.fileno())
            command = ["bash", "-c", HAND_OVER, "bash", *command]
        process = subprocess.Popen(
            command, cwd=PROJECT, env=environ, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            pass_fds=[listener.fileno()] if listener else [],
        )  # fmt: skip
        self.started.append(process)
        return process

    def await_state(self, state: bytes) -> None:
        deadline = time.monotonic() + SECONDS
        while self.manager.recv(100) != state:
            assert time.monotonic() < deadline, f"{state!r} was not told"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(SECONDS)
        machine = Machine(tmp_path, manager)
        yield machine
        for process in machine.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def test_a_part_alone_wants_the_database_to_be_current(machine: Machine) -> None:
    worker = machine.start("worker")
    _, told = worker.communicate(timeout=SECONDS)
    assert worker.returncode == 2
    assert b"run hearth migrate" in told


def test_both_parts_serve_on_what_systemd_hands_over_and_tell_it_how_they_are(machine: Machine) -> None:
    assert machine.start("migrate").wait(SECONDS) == 0
    worker = machine.start("worker")
    machine.await_state(b"READY=1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        web = machine.start("web", listener)
        machine.await_state(b"READY=1")
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/_matrix/client/versions"
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert answer.status == 200
        machine.await_state(b"WATCHDOG=1")
        for part in (web, worker):
            part.send_signal(signal.SIGTERM)
            machine.await_state(b"STOPPING=1")
            assert part.wait(SECONDS) == 0


def test_parts_that_are_to_start_anew_end_as_the_units_say(machine: Machine) -> None:
    assert machine.start("migrate").wait(SECONDS) == 0
    worker = machine.start("worker")
    machine.await_state(b"READY=1")
    (pid,) = holders(machine.run_dir)
    assert pid == worker.pid
    worker.send_signal(RESTART_SIGNAL)
    machine.await_state(b"STOPPING=1")
    assert worker.wait(SECONDS) == START_ME_AGAIN
    for part in ("web", "worker"):
        unit = (PROJECT / "systemd" / f"hearth-{part}.service").read_text()
        assert f"RestartForceExitStatus={START_ME_AGAIN}\n" in unit
