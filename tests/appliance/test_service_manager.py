"""Telling systemd."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.service_manager import ServiceManager


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(5)
        yield receiver


def test_the_states_of_a_service_are_told(systemd: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "60000000"})
    manager.ready()
    manager.alive()
    manager.stopping()
    assert [systemd.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_an_abstract_socket_is_found() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        name = f"hearth-test-{os.getpid()}"
        receiver.bind(f"\0{name}")
        receiver.settimeout(5)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert receiver.recv(100) == b"READY=1"


def test_without_a_watchdog_nobody_is_told_of_life(systemd: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": systemd.getsockname()})
    manager.alive()
    manager.stopping()
    assert systemd.recv(100) == b"STOPPING=1"
    assert manager.beat_seconds is None


def test_it_is_told_twice_in_the_time_of_the_watchdog() -> None:
    assert ServiceManager({"WATCHDOG_USEC": "60000000"}).beat_seconds == 30.0
    assert (
        ServiceManager({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}).beat_seconds == 30.0
    )


def test_the_watchdog_of_another_process_is_left_alone() -> None:
    assert ServiceManager({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}).beat_seconds is None


def test_processes_started_later_do_not_hear_of_it() -> None:
    environ = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/"}
    ServiceManager(environ)
    assert environ == {"HOME": "/"}


def test_a_manager_that_is_gone_is_no_reason_to_stop(tmp_path: Path) -> None:
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
