"""`hearth run`, with real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real_server import PROJECT, RealServer, descendants, engines, free_port, real_server

pytestmark = pytest.mark.slow

# gunicorn's arbiter, the web process and the worker.
PROCESSES = 3


@pytest.fixture(params=engines())
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RealServer]:
    with real_server(tmp_path, request.param) as running:
        wait_until_complete(running)
        yield running


def wait_until_complete(server: RealServer) -> None:
    """The web process may answer before the worker has begun."""
    deadline = time.monotonic() + 20
    while len(descendants(pid_of(server))) < PROCESSES:
        assert time.monotonic() < deadline, "some process is missing"
        time.sleep(0.05)


def pid_of(server: RealServer) -> int:
    assert server._process is not None
    return server._process.pid


def ask(server: RealServer, path: str, body: Any = None, token: str = "", seconds: float = 10) -> Any:
    request = urllib.request.Request(
        server.base + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )
    with urllib.request.urlopen(request, timeout=seconds) as answer:
        return json.load(answer)


def register(server: RealServer) -> str:
    body = {"username": "alice", "password": "wonderland", "auth": {"type": "m.login.dummy"}}
    token: str = ask(server, "/_matrix/client/v3/register", body)["access_token"]
    return token


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, "they did not end"
        time.sleep(0.02)


def test_a_first_start_tells_its_address_and_a_setup_code(server: RealServer) -> None:
    shown = server.log_end()
    assert server.base in shown
    assert re.search(r"setup code +[A-Z2-9]{4}(-[A-Z2-9]{4}){3} ", shown)


def test_keys_and_database_are_made_once(server: RealServer, tmp_path: Path) -> None:
    key = (tmp_path / "var/secrets/signing.key").read_text()
    server.stop()
    server.start()
    assert (tmp_path / "var/secrets/signing.key").read_text() == key


def test_it_ends_with_all_its_processes_when_it_is_told_to(server: RealServer) -> None:
    children = descendants(pid_of(server))
    assert server.stop() == 0
    wait_until_gone(children)


def test_its_processes_end_when_it_is_killed(server: RealServer) -> None:
    children = descendants(pid_of(server))
    os.kill(pid_of(server), signal.SIGKILL)
    wait_until_gone(children)
    server._process.wait()  # type: ignore[union-attr]
    server.start()
    assert ask(server, "/_matrix/client/versions")["versions"]


@pytest.mark.parametrize("which", range(PROCESSES))
def test_a_process_that_is_killed_is_replaced(server: RealServer, which: int) -> None:
    before = descendants(pid_of(server))
    os.kill(sorted(before)[which], signal.SIGKILL)
    wait_until_gone([sorted(before)[which]])
    wait_until_complete(server)
    server.wait_until_ready()


def test_who_waits_for_news_does_not_hold_up_the_end(server: RealServer) -> None:
    token = register(server)
    since = ask(server, "/_matrix/client/v3/sync?timeout=0", token=token)["next_batch"]
    answers: list[Any] = []

    def wait_for_news() -> None:
        answers.append(ask(server, f"/_matrix/client/v3/sync?timeout=30000&since={since}", None, token, 40))

    waiting = threading.Thread(target=wait_for_news)
    waiting.start()
    time.sleep(0.5)
    began = time.monotonic()
    assert server.stop() == 0
    waiting.join()
    assert time.monotonic() - began < 6
    assert "next_batch" in answers[0]


def test_a_second_server_with_the_same_data_is_refused(server: RealServer, tmp_path: Path) -> None:
    second = RealServer(tmp_path)
    second.log = tmp_path / "second.txt"
    with pytest.raises(AssertionError, match="a server runs already"):
        second.start()


def test_an_address_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        server = RealServer(tmp_path, settings={"server": {"listen": [address]}})
        with pytest.raises(AssertionError, match="another program listens there already"):
            server.start()


def test_it_listens_on_every_address_that_is_configured(tmp_path: Path) -> None:
    port = free_port()
    path = tmp_path / "h.sock"
    listen = [f"127.0.0.1:{port}", f"127.0.0.2:{port}", f"[::1]:{port}", f"unix:{path}"]
    server = RealServer(tmp_path, settings={"server": {"listen": listen}})
    server.base = f"http://127.0.0.1:{port}"
    with server:
        for family, address in (
            (socket.AF_INET, ("127.0.0.2", port)),
            (socket.AF_INET6, ("::1", port)),
            (socket.AF_UNIX, str(path)),
        ):
            with socket.socket(family) as client:
                client.connect(address)
                client.sendall(b"GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n")
                assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_the_name_of_a_server_with_users_cannot_be_changed(tmp_path: Path) -> None:
    with RealServer(tmp_path) as server:
        register(server)
    renamed = RealServer(tmp_path, settings={"server": {"name": "other.example"}})
    with pytest.raises(AssertionError, match=r"server.name: this database belongs to 127\.0\.0\.1"):
        renamed.start()


def test_a_wrong_configuration_is_told_and_nothing_is_made(tmp_path: Path) -> None:
    server = RealServer(tmp_path, settings={"web": {"threads": 0}, "mail": {"port": "x"}})
    with pytest.raises(AssertionError, match=r"mail\.port[^$]*web\.threads"):
        server.start()
    assert not (tmp_path / "var").exists()


def test_a_hangup_replaces_the_web_process_and_refuses_nobody(server: RealServer) -> None:
    before = set(descendants(pid_of(server)))
    server._process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
    deadline = time.monotonic() + 20
    while before <= set(descendants(pid_of(server))):
        assert ask(server, "/_matrix/client/versions")["versions"]
        assert time.monotonic() < deadline, "the web process stayed"
    wait_until_complete(server)
    assert ask(server, "/_matrix/client/versions")["versions"]


def test_daphne_runs_the_same_application(server: RealServer) -> None:
    """Daphne knows no lifespan protocol, so nothing may depend on it."""
    token = register(server)
    since = ask(server, "/_matrix/client/v3/sync?timeout=0", token=token)["next_batch"]
    server.stop()
    address = ["-b", "127.0.0.1", "-p", str(server.port)]
    environment = {
        **os.environ,
        "HEARTH_CONFIG": str(server._config),
        "DJANGO_SETTINGS_MODULE": "appliance.settings",
    }
    for name in [name for name in environment if name.startswith("HEARTH_") and "__" in name]:
        del environment[name]
    command = [sys.executable, "-m", "daphne", *address, "appliance.asgi:application"]
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL) as daphne:
        try:
            server._process, before = daphne, server._process
            server.wait_until_ready()
            server._process = before
            timer = threading.Timer(1.0, ask, (server, "/_matrix/client/v3/createRoom", {}, token))
            timer.start()
            news = ask(server, f"/_matrix/client/v3/sync?timeout=20000&since={since}", None, token, 30)
            timer.join()
        finally:
            daphne.terminate()
    assert news["rooms"]["join"]
