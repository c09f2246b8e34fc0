"""Restoring where systemd runs web and worker as services of their own, with real processes."""

from __future__ import annotations

import shutil
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from appliance.restart import START_ME_AGAIN
from appliance.restore_order import Order, read_order, read_outcome, write_order
from tests.appliance.test_parts import SECONDS, Machine, machine
from tests.factories.commands import command

pytestmark = pytest.mark.slow
__all__ = ["machine"]


def order(machine: Machine) -> Path:
    """Have a backup of the empty server restored; the data folder."""
    data_dir = machine.run_dir.parent
    assert machine.start("migrate").wait(SECONDS) == 0
    [made] = command(data_dir.parent, "backup")["backups"]
    given = Order(
        backup=Path(made["folder"]).name, server_name="example.org", address="https://example.org",
        token_hash=b"mark", ip="", asked_ts=1, setup_file=None,
    )  # fmt: skip
    write_order(data_dir, given)
    return data_dir


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_web_restores_while_the_worker_waits_and_both_are_started_again(machine: Machine) -> None:
    data_dir = order(machine)
    assert machine.start("migrate").wait(SECONDS) == 0, "at the boot, it leaves all to the restore"
    assert read_order(data_dir) is not None
    worker = machine.start("worker")
    machine.await_state(b"READY=1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        web = machine.start("web", listener)
        machine.await_state(b"READY=1")
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/_matrix/client/versions"
        # What systemd does with services that end like this: the socket is kept.
        assert web.wait(SECONDS) == START_ME_AGAIN
        assert worker.wait(SECONDS) == START_ME_AGAIN
        found = read_outcome(data_dir)
        assert found is not None
        assert found.error == ""
        machine.start("web", listener)
        machine.start("worker")
        deadline = time.monotonic() + SECONDS
        while status(address) != 200:
            assert time.monotonic() < deadline
    shutil.rmtree(data_dir / "backups")


def test_web_waits_for_a_worker_that_is_still_at_work(machine: Machine) -> None:
    data_dir = order(machine)
    given = read_order(data_dir)
    assert given is not None
    (data_dir / "restore-order.json").unlink()
    worker = machine.start("worker")
    machine.await_state(b"READY=1")
    write_order(data_dir, given)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        web = machine.start("web", listener)
        machine.await_state(b"READY=1")
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/_matrix/client/versions"
        assert status(address) == 503
        assert read_order(data_dir) == given, "nothing has been begun"
        worker.terminate()
        assert worker.wait(SECONDS) == 0
        assert web.wait(SECONDS) == START_ME_AGAIN
    found = read_outcome(data_dir)
    assert found is not None
    assert found.error == ""
