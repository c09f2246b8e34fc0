"""What an owner does with the packages, in a system just made. Run as root, in namespaces of its own."""

from __future__ import annotations

import fcntl
import json
import signal
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

BASE: Final = "http://127.0.0.1:8008"
ANSWERS: Final = Path("/etc/hearth/conf.d/debconf.toml")
DATA: Final = Path("/var/lib/hearth")
PASSWORD: Final = "correct horse battery staple"
SECONDS: Final = 120
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def main() -> None:
    """The whole story; an assertion that fails ends it."""
    prepare_system()
    preseed(
        "server-name string example.org",
        "public-host string matrix.example.org",
        "tls-mode select behind-proxy",
    )
    timed("install", lambda: install("old"))
    check_installed()
    with running("first start"):
        call("hearth", "create-user", "alice", "--admin", "--password-file", "-", text=PASSWORD)
        token = login()
        room = ask("POST", "/createRoom", token, {"name": "Hearth"})["room_id"]
        send(token, room, "first")
    secrets = {file.name: file.read_bytes() for file in (DATA / "secrets").iterdir()}
    timed("upgrade", lambda: install("new"))
    with running("start after the upgrade"):
        assert messages(token, room) == ["first"]
        send(token, room, "second")
    timed("roll back", lambda: install("old"))
    with running("start after the roll back"):
        assert messages(token, room) == ["first", "second"]
    kept = {file.name: file.read_bytes() for file in (DATA / "secrets").iterdir()}
    assert {name: kept.get(name) for name in secrets} == secrets, "an upgrade changed secrets"
    check_reconfigured()
    check_removed()
    check_purged()


def prepare_system() -> None:
    """What the kernel gives to processes, and a loopback."""
    for kind, place in (("proc", "/proc"), ("tmpfs", "/run"), ("tmpfs", "/tmp")):
        call("mount", "-t", kind, kind, place)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        fcntl.ioctl(line, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


def preseed(*answers: str) -> None:
    """Answers debconf's questions before they are asked."""
    call("debconf-set-selections", text="".join(f"hearth hearth/{answer}\n" for answer in answers))


def install(which: str) -> None:
    """What is not installed yet of the packages of a folder, as apt does."""
    missing = [file for file in sorted(Path(f"/test/{which}").glob("*.deb")) if not is_installed(file)]
    call("dpkg", "--force-downgrade", "-i", *map(str, missing))


def is_installed(file: Path) -> bool:
    """Whether the package of a file is there in just that version."""
    name, version = call("dpkg-deb", "--show", "--showformat", "${Package} ${Version}", str(file)).split()
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}${Version}", name]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == f"ii {version}"


def check_installed() -> None:
    """Owners, modes, and what was answered."""
    assert 'name = "example.org"' in ANSWERS.read_text()
    assert oct(ANSWERS.stat().st_mode & 0o7777) == "0o640"
    assert ANSWERS.stat().st_uid == 0
    assert DATA.owner() == "hearth"
    assert not list(DATA.iterdir()), "installing made data before there was a server"
    shown = call("hearth", "config", "--changed")
    assert 'server.public_baseurl = "https://matrix.example.org"' in shown
    assert not call("dpkg", "--verify", "hearth", "hearth-runtime")
    assert "reverse_proxy 127.0.0.1:8008" in call("hearth", "render-proxy", "caddy")


def check_reconfigured() -> None:
    """What was changed by hand wins over the answer from before."""
    ANSWERS.write_text(ANSWERS.read_text().replace("matrix.example.org", "chat.example.org"))
    call("dpkg-reconfigure", "hearth")
    assert 'public_baseurl = "https://chat.example.org"' in ANSWERS.read_text()


def check_removed() -> None:
    """Data and configuration stay; programs and what they compiled go."""
    call("dpkg", "--remove", "hearth", "hearth-runtime")
    assert ANSWERS.exists()
    assert (DATA / "secrets" / "signing.key").exists()
    assert not Path("/usr/lib/hearth").exists(), list(Path("/usr/lib/hearth").rglob("*"))[:5]
    assert not Path("/usr/lib/hearth-runtime").exists(), list(Path("/usr/lib/hearth-runtime").rglob("*"))[:5]


def check_purged() -> None:
    """A purge keeps the data unless it is told otherwise."""
    call("dpkg", "--purge", "hearth", "hearth-runtime")
    assert (DATA / "secrets" / "signing.key").exists()
    assert not Path("/etc/hearth").exists(), list(Path("/etc/hearth").rglob("*"))
    preseed("server-name string example.org", "purge-data boolean true")
    install("new")
    call("dpkg", "--purge", "hearth", "hearth-runtime")
    assert not DATA.exists()
    assert not Path("/etc/hearth").exists()


@contextmanager
def running(what: str) -> Iterator[None]:
    """The server, from its start until it has stopped in order."""
    began = time.monotonic()
    with Path("/test/run.log").open("ab") as log:
        process = subprocess.Popen(["hearth", "run"], stdout=log, stderr=log)
    try:
        while not answers():
            assert process.poll() is None, Path("/test/run.log").read_text()[-3000:]
            assert time.monotonic() - began < SECONDS
            time.sleep(0.1)
        print(f"{what:<34} {time.monotonic() - began:6.1f} s")
        owner = Path(f"/proc/{process.pid}").stat().st_uid
        assert owner != 0, "the server runs as root"
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(SECONDS)
    assert code == 0, code


def answers() -> bool:
    """Whether the server does."""
    try:
        with urllib.request.urlopen(f"{BASE}/_matrix/client/versions", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def login() -> str:
    """An access token."""
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "alice"},
        "password": PASSWORD,
    }
    token: str = ask("POST", "/login", "", body)["access_token"]
    return token


def send(token: str, room: str, text: str) -> None:
    """A message to the room."""
    ask("PUT", f"/rooms/{room}/send/m.room.message/{text}", token, {"msgtype": "m.text", "body": text})


def messages(token: str, room: str) -> list[str]:
    """What was said in the room."""
    found = ask("GET", f"/rooms/{room}/messages?dir=f&limit=100", token)["chunk"]
    return [event["content"]["body"] for event in found if event["type"] == "m.room.message"]


def ask(method: str, path: str, token: str, body: Any = None) -> Any:
    """What the client API answers."""
    request = urllib.request.Request(
        f"{BASE}/_matrix/client/v3{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def call(*command: str, text: str = "") -> str:
    """What a program printed; it must succeed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
    return done.stdout


def timed(what: str, work: Callable[[], None]) -> None:
    """Tells how long it took."""
    began = time.monotonic()
    work()
    print(f"{what:<34} {time.monotonic() - began:6.1f} s")


if __name__ == "__main__":
    main()
