"""The setup of a real server, from an empty folder to an owner who signs in: 6 seconds a database."""

from __future__ import annotations

import json
import os
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import RemoteDisconnected
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from selectolax.lexbor import LexborHTMLParser as Html

from tests.real_server import RealServer, engines, scratch_database

pytestmark = pytest.mark.slow

NAME = "wizard.example"
PASSWORD = "a long enough sentence"


@pytest.fixture(params=engines())
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RealServer]:
    """A server whose configuration says no name."""
    if request.param == "postgresql":
        with (
            scratch_database(os.environ["HEARTH_TEST_DATABASE"]) as url,
            nameless(RealServer(tmp_path, database_url=url)) as running,
        ):
            yield running
        return
    with nameless(RealServer(tmp_path)) as running:
        yield running


def nameless(server: RealServer) -> RealServer:
    text = server._config.read_text()
    server._config.write_text(re.sub(r"^name = .*\n", "", text, flags=re.MULTILINE))
    return server


class Visitor:
    """A browser without scripts: keeps cookies, follows redirects."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.page = Html("")
        self.path = ""

    def get(self, path: str) -> int:
        return self._open(urllib.request.Request(self.base + path))

    def send(self, **fields: str) -> int:
        """Send the form of the present page to its own address."""
        token = self.page.css_first("input[name=csrfmiddlewaretoken]")
        assert token is not None, f"{self.path} has no form"
        data = urlencode({"csrfmiddlewaretoken": token.attributes["value"], **fields}).encode()
        headers = {"Referer": self.base + self.path, "Origin": self.base}
        return self._open(urllib.request.Request(self.base + self.path, data, headers))

    def _open(self, request: urllib.request.Request) -> int:
        try:
            with self._opener.open(request, timeout=60) as answer:
                self.path = urlsplit(answer.url).path
                self.page = Html(answer.read().decode())
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code


def wait_for_the_new_start(visitor: Visitor) -> None:
    """As the page does by itself; nobody is refused while the processes are replaced."""
    deadline = time.monotonic() + 60
    while visitor.path == "/setup/restarting/":
        assert time.monotonic() < deadline, "it did not start anew"
        time.sleep(0.3)
        with suppress(RemoteDisconnected, ConnectionResetError):  # browsers ask again then
            visitor.get("/setup/restarting/")


@contextmanager
def nobody_is_refused(base: str) -> Iterator[list[float]]:
    """Others ask the server all the time; connections that it does not take are a failure."""
    over, refused, waited = threading.Event(), [], [0.0]

    def ask() -> None:
        while not over.is_set():
            began = time.monotonic()
            try:
                with urllib.request.urlopen(f"{base}/_matrix/client/versions", timeout=60):
                    waited.append(time.monotonic() - began)
            except urllib.error.URLError as fault:
                refused.append(fault.reason)
            except OSError:
                continue  # accepted by a process that was about to end
            time.sleep(0.02)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield waited
    finally:
        over.set()
        asking.join()
    assert [reason for reason in refused if isinstance(reason, ConnectionRefusedError)] == []


def set_up(visitor: Visitor, code: str) -> None:
    visitor.get("/setup/")
    visitor.send(code=code)
    visitor.send()
    names = {"name": NAME, "address": visitor.base}
    visitor.send(**names)
    with nobody_is_refused(visitor.base) as waited:
        visitor.send(**names, sure=f"{NAME} {visitor.base}")
        assert visitor.path == "/setup/restarting/"
        wait_for_the_new_start(visitor)
    assert visitor.path == "/setup/connectivity/"
    assert max(waited) > 0.1  # somebody did come while there was no process
    visitor.send(typed_name=NAME)
    visitor.send(name="rosa", password=PASSWORD, again=PASSWORD)
    visitor.send(skip="1")
    visitor.send(**{"registration-mode": "token"})
    visitor.send()
    visitor.send(**{"mail-port": "587", "mail-security": "starttls"})
    visitor.send(**{"backup-every_hours": "24", "backup-keep_daily": "7", "backup-media": "on"})


def test_an_empty_server_gets_a_name_and_an_owner_who_signs_in(server: RealServer) -> None:
    before = server.pid
    found = re.search(r"setup code +(\S+)", server.log_end())
    assert found is not None
    visitor = Visitor(server.base)
    set_up(visitor, found[1])
    assert visitor.path == "/setup/finish/"
    assert f"@rosa:{NAME}" in visitor.page.text()
    visitor.send()
    assert visitor.path == "/admin/sign-in/"
    assert visitor.get("/setup/") == 404
    assert server.pid == before
    assert server._process is not None
    assert server._process.poll() is None
    assert log_in(server.base) == f"@rosa:{NAME}"
    server.stop()
    server.start()
    assert log_in(server.base) == f"@rosa:{NAME}"


def log_in(base: str) -> str:
    identifier = {"type": "m.id.user", "user": "rosa"}
    body = {"type": "m.login.password", "identifier": identifier, "password": PASSWORD}
    request = urllib.request.Request(f"{base}/_matrix/client/v3/login", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["user_id"])
