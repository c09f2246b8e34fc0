"""Somebody who sends a message, and syncs, ten times a second: bystander.py PORT AUTHORIZATION ROOM

Prints a line for each request, `["send", began, took]`, in seconds of the monotonic clock, once its standard
input ends. It waits for nobody else on this machine, as if it were on another one, where it may (as root).
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from urllib.parse import quote

EVERY = 0.1
PRIORITY = 10


class Bystander:
    """One connection, on which one request follows the other."""

    def __init__(self, port: int, authorization: str, room: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": authorization, "Content-Type": "application/json"}
        self._room = f"/_matrix/client/v3/rooms/{quote(room)}"
        self._since = self._ask("GET", "/_matrix/client/v3/sync?timeout=0")["next_batch"]
        self.asked: list[tuple[str, float, float]] = []

    def talk(self, until: threading.Event) -> None:
        """Send and sync by turns, at a steady pace."""
        number = 0
        while not until.wait(EVERY):
            number += 1
            words = json.dumps({"msgtype": "m.text", "body": f"can anyone hear me? {number}"})
            self._timed("send", "PUT", f"{self._room}/send/m.room.message/{number}", words)
            answer = self._timed("sync", "GET", f"/_matrix/client/v3/sync?timeout=0&since={self._since}")
            self._since = answer["next_batch"]

    def _timed(self, what: str, method: str, path: str, body: str | None = None) -> dict[str, str]:
        began = time.monotonic()
        answer = self._ask(method, path, body)
        self.asked.append((what, began, time.monotonic() - began))
        return answer

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, str]:
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        content: dict[str, str] = json.loads(answer.read())
        assert answer.status == 200, f"{method} {path}: {answer.status} {content}"
        return content


def _await_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def main() -> None:
    port, authorization, room = sys.argv[1:]
    # The herd gives way, and this process began as its child.
    if os.geteuid() == 0:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    ended = threading.Event()
    threading.Thread(target=_await_end, args=(ended,), daemon=True).start()
    bystander = Bystander(int(port), authorization, room)
    bystander.talk(ended)
    for one in bystander.asked:
        print(json.dumps(one))


if __name__ == "__main__":
    main()
