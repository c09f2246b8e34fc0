"""podman, as the story of the image uses it."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 120
# The first are what a virtual machine without systemd allows; crun does not work in all of them.
CONFINED: Final = (
    "--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096",
    "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges",
)  # fmt: skip
RUNTIME: Final = ("--runtime", "runc")


def podman(*arguments: str, text: str = "", code: int = 0, errors: bool = False) -> str:
    """What it printed, to the standard error too if that is asked for; it must end with this code."""
    done = subprocess.run(
        ["podman", *RUNTIME, *arguments], input=text, capture_output=True, text=True, check=False
    )
    told = f"podman {' '.join(arguments)}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
    assert done.returncode == code, told
    said = [line for line in done.stderr.splitlines() if "systemd connection" not in line] if errors else []
    return "\n".join([done.stdout, *said]).strip()


class Server:
    """A container with Hearth in it, at a port of this machine's."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.base = f"http://127.0.0.1:{port}"

    def inspect(self, what: str) -> str:
        """A field of what podman knows of it."""
        return podman("inspect", "--format", f"{{{{{what}}}}}", self.name)

    @property
    def pid(self) -> int:
        """Its first process, as this machine numbers it."""
        return int(self.inspect(".State.Pid"))

    def execute(self, *command: str, text: str = "", code: int = 0) -> str:
        """What a program inside printed."""
        return podman("exec", "--interactive", self.name, *command, text=text, code=code)

    def logs(self) -> str:
        """What it wrote to the standard output."""
        return podman("logs", self.name)

    def wait_until_it_answers(self) -> None:
        """Fails with its log when it ends or takes too long."""

        def answers() -> bool:
            assert self.inspect(".State.Status") == "running", self.logs()
            try:
                with urllib.request.urlopen(f"{self.base}/_matrix/client/versions", timeout=5) as answer:
                    return bool(answer.status == 200)
            except (urllib.error.URLError, OSError):
                return False

        wait_for(answers, self.logs)

    def stop(self) -> float:
        """How long it took to end in order."""
        began = time.monotonic()
        podman("stop", "--time", "30", self.name)
        assert self.inspect(".State.ExitCode") == "0", self.logs()
        return time.monotonic() - began


@contextmanager
def running(
    image: str,
    name: str,
    port: int,
    *options: str,
    environ: Mapping[str, str] | None = None,
    command: tuple[str, ...] = (),
) -> Iterator[Server]:
    """A container that runs with a root that cannot be written; removed at the end, its volumes are not."""
    named = [f"--env={key}={value}" for key, value in (environ or {}).items()]
    podman("run", "--detach", "--name", name, *CONFINED, *named, *options, image, *command)
    try:
        yield Server(name, port)
    finally:
        podman("rm", "--force", "--volumes", "--time", "5", name)


def wait_for(condition: Callable[[], bool], told: Callable[[], str] = str, seconds: float = SECONDS) -> None:
    """Returns when it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.1)


def ask(base: str, method: str, path: str, token: str = "", body: Any = None, **headers: str) -> Any:
    """What the client API answers; names of headers are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        f"{base}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={**named, "Authorization": f"Bearer {token}"} if token else named,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def log_in(base: str, user: str, password: str, **headers: str) -> str:
    """An access token."""
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user},
        "password": password,
    }
    token: str = ask(base, "POST", "/_matrix/client/v3/login", "", body, **headers)["access_token"]
    return token


def send(base: str, token: str, room: str, text: str) -> None:
    """A message to the room."""
    path = f"/_matrix/client/v3/rooms/{room}/send/m.room.message/{text}"
    ask(base, "PUT", path, token, {"msgtype": "m.text", "body": text})


def new_room(base: str, token: str) -> str:
    """A room's ID."""
    room: str = ask(base, "POST", "/_matrix/client/v3/createRoom", token, {})["room_id"]
    return room


def messages(base: str, token: str, room: str) -> list[str]:
    """What was said in the room."""
    path = f"/_matrix/client/v3/rooms/{room}/messages?dir=f&limit=100"
    found = ask(base, "GET", path, token)["chunk"]
    return [event["content"]["body"] for event in found if event["type"] == "m.room.message"]


def last_address(base: str, token: str, forwarded_for: str) -> str:
    """From where the server saw the user's one device, when a proxy says it was from there."""
    found = ask(base, "GET", "/_matrix/client/v3/devices", token, X_Forwarded_For=forwarded_for)
    return str(found["devices"][0].get("last_seen_ip"))


def children(pid: int) -> dict[int, str]:
    """The processes whose parent it is, and their states."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it ended meanwhile
        if int(parent) == pid:
            found[int(stat.parent.name)] = state
    return found


def users_of(pid: int) -> set[str]:
    """The real, effective, saved and file system users of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return set(next(line for line in lines if line.startswith("Uid:")).split()[1:])


def kill(pid: int) -> None:
    """SIGKILL."""
    os.kill(pid, 9)
