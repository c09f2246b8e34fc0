"""A person with a client on the server of a story, and the server itself where no systemd runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from stories.system import SECONDS, call, tell, wait_for

BASE: Final = "http://127.0.0.1:8008"
CLIENT: Final = "/_matrix/client/v3"
PASSWORD: Final = "correct horse battery staple"
LOG: Final = Path("/test/run.log")


def make_alice() -> str:
    """The first account, an administrator; its access token."""
    call("hearth", "create-user", "alice", "--admin", "--password-file", "-", text=PASSWORD)
    user = {"type": "m.id.user", "user": "alice"}
    body = {"type": "m.login.password", "identifier": user, "password": PASSWORD}
    token: str = ask("POST", f"{CLIENT}/login", "", body)["access_token"]
    return token


def make_room(token: str) -> str:
    """The ID of a new room."""
    room: str = ask("POST", f"{CLIENT}/createRoom", token, {"name": "Hearth"})["room_id"]
    return room


def send(token: str, room: str, text: str) -> None:
    """A message to the room."""
    path = f"{CLIENT}/rooms/{room}/send/m.room.message/{quote(text)}"
    ask("PUT", path, token, {"msgtype": "m.text", "body": text})


def messages(token: str, room: str) -> list[str]:
    """What was said in the room."""
    found = ask("GET", f"{CLIENT}/rooms/{room}/messages?dir=f&limit=100", token)["chunk"]
    return [event["content"]["body"] for event in found if event["type"] == "m.room.message"]


def ask(method: str, path: str, token: str, body: Any = None, *, raw: bool = False) -> Any:
    """What Hearth answers; a body is bytes of a picture, or JSON."""
    kind = "image/png" if isinstance(body, bytes) else "application/json"
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(BASE + path, method=method, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.read() if raw else json.load(answer)
    except urllib.error.HTTPError as fault:
        raise AssertionError(f"{method} {path}: {fault.code} {fault.read()[:300]!r}") from fault


def answers() -> bool:
    """Whether the server does."""
    try:
        with urllib.request.urlopen(f"{BASE}/_matrix/client/versions", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def running(what: str) -> Iterator[None]:
    """The server, from its start until it has stopped in order."""
    began = time.monotonic()
    with LOG.open("ab") as log:
        process = subprocess.Popen(["hearth", "run"], stdout=log, stderr=log)

    def is_up() -> bool:
        assert process.poll() is None, LOG.read_text()[-3000:]
        return answers()

    try:
        wait_for("the server answers", is_up)
        tell(what, began)
        owner = Path(f"/proc/{process.pid}").stat().st_uid
        assert owner != 0, "the server runs as root"
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(SECONDS)
    assert code == 0, code
