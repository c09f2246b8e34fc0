"""Tasks run, with real processes, on every kind of queue."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real_server import PROJECT, RealServer, descendants, engines, free_port, real_server

pytestmark = pytest.mark.slow

ENQUEUE = """
import django, sys
django.setup()
from django_q.tasks import async_task
async_task(*sys.argv[1:])
"""


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis of the test's own."""
    if not shutil.which("redis-server"):
        pytest.skip("needs redis-server")
    port = free_port()
    command = [
        "redis-server",
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(tmp_path),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as redis:
        yield f"redis://127.0.0.1:{port}/0"
        redis.terminate()


@pytest.fixture(params=[*engines(), "redis"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RealServer]:
    settings = {}
    engine = request.param
    if engine == "redis":
        settings, engine = {"redis": {"url": request.getfixturevalue("redis_url")}}, "sqlite"
    with real_server(tmp_path, engine, settings) as running:
        yield running


def enqueue(server: RealServer, function: str, *arguments: str) -> None:
    environment = {
        **os.environ,
        "HEARTH_CONFIG": str(server._config),
        "DJANGO_SETTINGS_MODULE": "appliance.settings",
    }
    for name in [name for name in environment if name.startswith("HEARTH_") and "__" in name]:
        del environment[name]
    command = [sys.executable, "-c", ENQUEUE, function, *arguments]
    subprocess.run(command, cwd=PROJECT, env=environment, check=True)


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_task_runs_without_waiting_for_the_polling_interval(server: RealServer, tmp_path: Path) -> None:
    enqueue(server, "os.mkdir", str(tmp_path / "made"))
    wait_until((tmp_path / "made").is_dir, 5)


def test_a_task_that_fails_does_not_stop_the_next(server: RealServer, tmp_path: Path) -> None:
    enqueue(server, "os.rmdir", str(tmp_path / "is not there"))
    enqueue(server, "os.mkdir", str(tmp_path / "made"))
    wait_until((tmp_path / "made").is_dir, 5)


def test_tasks_run_after_the_worker_was_killed_with_one_under_way(server: RealServer, tmp_path: Path) -> None:
    assert server._process is not None
    began = tmp_path / "began"
    first_time = f"not __import__('pathlib').Path({str(began)!r}).touch(exist_ok=False)"
    enqueue(server, "builtins.eval", f"{first_time} and __import__('time').sleep(60)")
    wait_until(began.exists, 10)
    for pid in descendants(server._process.pid):
        os.kill(pid, signal.SIGKILL)
    enqueue(server, "os.mkdir", str(tmp_path / "made"))
    wait_until((tmp_path / "made").is_dir, 20)


def test_a_worker_that_has_run_its_share_is_replaced_and_loses_nothing(tmp_path: Path) -> None:
    with real_server(tmp_path, "sqlite", {"worker": {"tasks_before_recycle": 3}}) as server:
        for number in range(10):
            enqueue(server, "os.mkdir", str(tmp_path / f"made{number}"))
        wait_until(lambda: len(list(tmp_path.glob("made*"))) == 10, 20)


def test_a_task_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with real_server(tmp_path, "sqlite", {"worker": {"task_timeout_seconds": 1}}) as server:
        enqueue(server, "builtins.eval", "__import__('time').sleep(120)")
        enqueue(server, "os.mkdir", str(tmp_path / "made"))
        wait_until((tmp_path / "made").is_dir, 20)
