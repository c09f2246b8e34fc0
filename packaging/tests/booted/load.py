"""People who write and read while something happens to the server; what was acknowledged stays, once."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from stories.client import BASE, CLIENT, ask

from booted.machine import HOST, PATIENCE, SECONDS, tell
from booted.names import trust

# Two at Hearth itself, two through Caddy.
PROXIED: Final = f"https://{HOST}"
WRITERS: Final = (BASE, BASE, PROXIED, PROXIED)
# Not so often that a slow machine does nothing else.
PAUSE: Final = 0.1 * PATIENCE


class Load:
    """Writers, each with one message after the other, and one that reads along."""

    def __init__(self, token: str, room: str) -> None:
        self._token, self._room = token, room
        self._stop = threading.Event()
        self.acknowledged: list[str] = []
        self.refused: list[str] = []
        self.waits: list[float] = []
        self.read = 0
        self._threads = [
            threading.Thread(target=self._write, args=(number, base)) for number, base in enumerate(WRITERS)
        ]
        self._threads.append(threading.Thread(target=self._read))

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the block runs."""
        for thread in self._threads:
            thread.start()
        try:
            self.wait_for_more()
            yield
            self.wait_for_more()
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def wait_for_more(self) -> None:
        """Until every writer has most likely got something through."""
        before, deadline = len(self.acknowledged), time.monotonic() + SECONDS
        while len(self.acknowledged) < before + 3 * len(WRITERS):
            assert time.monotonic() < deadline, f"nothing goes through any more: {self.refused[-3:]}"
            time.sleep(0.05)

    def _write(self, number: int, base: str) -> None:
        count = 0
        while not self._stop.is_set():
            text = f"load-{number}-{count}"
            path = f"{CLIENT}/rooms/{urllib.parse.quote(self._room)}/send/m.room.message/{text}"
            began = time.monotonic()
            if self._asked("PUT", base + path, {"msgtype": "m.text", "body": text}) is not None:
                self.acknowledged.append(text)
                self.waits.append(time.monotonic() - began)
                count += 1  # what was not acknowledged is sent again by the same transaction ID
            self._stop.wait(PAUSE)

    def _read(self) -> None:
        since = ""
        while not self._stop.is_set():
            path = f"{CLIENT}/sync?timeout=1000{f'&since={since}' if since else ''}"
            if (found := self._asked("GET", BASE + path)) is not None:
                since = found["next_batch"]
                self.read += 1

    def _asked(self, method: str, url: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(url, method=method, data=data, headers=headers)
        context = trust() if url.startswith("https:") else None
        try:
            with urllib.request.urlopen(request, timeout=SECONDS, context=context) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as fault:
            self.refused.append(f"{method} {url[:30]}: {fault.code} {fault.read()[:200]!r}")
        except (urllib.error.URLError, OSError, ValueError) as fault:
            self.refused.append(f"{method} {url[:30]}: {fault!r}")
        return None


def check_nothing_is_lost(what: str, token: str, room: str, happens: Callable[[], object]) -> None:
    """Something happens under load: all that was acknowledged is there, once, and nobody was refused."""
    load = Load(token, room)
    began = time.monotonic()
    with load.running():
        happens()
        took = time.monotonic() - began
    there = Counter(every_message(token, room))
    lost = [text for text in load.acknowledged if not there[text]]
    twice = [text for text, count in there.items() if count > 1]
    told = (
        f"{what} under load took {took:.1f} s: {len(load.acknowledged)} messages acknowledged, "
        f"{len(lost)} lost, {len(twice)} twice, {load.read} syncs, {len(load.refused)} requests refused, "
        f"longest wait {max(load.waits):.1f} s"
    )
    tell(told)
    assert not lost, lost[:5]
    assert not twice, twice[:5]
    direct = [fault for fault in load.refused if f" {BASE}" in fault]
    assert not direct, direct[:5]
    # Caddy may send on a kept connection that Hearth is just closing: once for each writer, who tries again.
    assert len(load.refused) <= WRITERS.count(PROXIED), load.refused[:5]


def every_message(token: str, room: str) -> Iterator[str]:
    """The texts of all messages of a room, page by page."""
    start = ""
    while True:
        where = f"&from={urllib.parse.quote(start)}" if start else ""
        page = ask("GET", f"{CLIENT}/rooms/{urllib.parse.quote(room)}/messages?dir=f&limit=500{where}", token)
        for event in page["chunk"]:
            if event["type"] == "m.room.message":
                yield event["content"]["body"]
        start = page.get("end", "")
        if not start:
            return
