"""The setup pages, answered as a browser without scripts would."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import RemoteDisconnected
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urlsplit

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
SECONDS = 60


class Visitor:
    """Keeps cookies, follows redirects."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.path = ""
        self.page = ""
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> int:
        """Opens a page; its status."""
        return self._open(urllib.request.Request(self.base + path))

    def send(self, **fields: str) -> int:
        """Sends the form of the present page; the status of what comes then."""
        token = TOKEN.search(self.page)
        assert token is not None, f"{self.path} has no form"
        data = urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        headers = {"Referer": self.base + self.path, "Origin": self.base}
        return self._open(urllib.request.Request(self.base + self.path, data, headers))

    def _open(self, request: urllib.request.Request) -> int:
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                self.path = urlsplit(answer.url).path
                self.page = answer.read().decode()
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code


def set_up(visitor: Visitor, code: str, server: str, user: str, password: str) -> None:
    """Answers everything, from the one-time code to the end, through the new start in the middle."""
    visitor.get("/setup/")
    visitor.send(code=code)
    visitor.send()
    names = {"name": server, "address": visitor.base}
    visitor.send(**names)
    visitor.send(**names, sure=f"{server} {visitor.base}")
    assert visitor.path == "/setup/restarting/", visitor.path
    _wait_for_the_new_start(visitor)
    visitor.send(typed_name=server)
    visitor.send(name=user, password=password, again=password)
    visitor.send(skip="1")
    visitor.send(**{"registration-mode": "token"})
    visitor.send()
    visitor.send(**{"mail-port": "587", "mail-security": "starttls"})
    visitor.send(**{"backup-every_hours": "24", "backup-keep_daily": "7", "backup-media": "on"})
    assert visitor.path == "/setup/finish/", visitor.path
    visitor.send()
    assert visitor.get("/setup/") == 404


def _wait_for_the_new_start(visitor: Visitor) -> None:
    deadline = time.monotonic() + SECONDS
    while visitor.path == "/setup/restarting/":
        assert time.monotonic() < deadline, "it did not start anew"
        time.sleep(0.3)
        with suppress(RemoteDisconnected, ConnectionResetError):  # browsers ask again then
            visitor.get("/setup/restarting/")
    assert visitor.path == "/setup/connectivity/", visitor.path
