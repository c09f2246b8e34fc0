"""What must hold in a machine that has booted with the packages installed. Run as root, under systemd."""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import subprocess
import threading
import time
import traceback
import urllib.error
import urllib.request
import zlib
from pathlib import Path
from typing import Any, Final

BASE: Final = "http://127.0.0.1:8008"
SERVICES: Final = ("web", "worker", "migrate", "proxy", "turn")
AUTHORITY: Final = Path("/var/lib/hearth-proxy/caddy/pki/authorities/local/root.crt")
PASSWORD: Final = "correct horse battery staple"
SECONDS: Final = 120
ADDRESS: Final = "192.0.2.10"
BINDING_REQUEST: Final = struct.pack(">HHI12s", 1, 0, 0x2112A442, b"hearth-story")


def main() -> None:
    """The whole story; an assertion that fails ends it."""
    for name in SERVICES:
        wait_for(f"hearth-{name}.service is active", lambda name=name: is_active(f"hearth-{name}.service"))
    for unit in ("hearth.target", "hearth-web.socket", "hearth-doctor.timer"):
        assert is_active(unit), unit
    for name in (*SERVICES, "doctor"):
        told = call("systemd-analyze", "security", "--threshold=15", f"hearth-{name}.service").splitlines()[
            -1
        ]
        tell(told[2:].encode("ascii", "ignore").decode().strip())
    check_messages()
    check_names()
    check_turn()
    check_restart_refuses_nobody()
    check_crash()
    subprocess.run(["systemctl", "start", "hearth-doctor.service"], check=False)
    code = call("systemctl", "show", "-P", "ExecMainStatus", "hearth-doctor.service").strip()
    assert code in ("0", "1"), f"doctor ended with {code}"
    tell("doctor looked")
    tell("the end")


def check_messages() -> None:
    """An account, a message, and a picture, which a confined process makes small."""
    call("hearth", "create-user", "alice", "--admin", "--password-file", "-", text=PASSWORD)
    user = {"type": "m.id.user", "user": "alice"}
    body = {"type": "m.login.password", "identifier": user, "password": PASSWORD}
    token = ask("POST", "/_matrix/client/v3/login", "", body)["access_token"]
    room = ask("POST", "/_matrix/client/v3/createRoom", token, {})["room_id"]
    path = f"/_matrix/client/v3/rooms/{room}/send/m.room.message/1"
    ask("PUT", path, token, {"msgtype": "m.text", "body": "first"})
    uri = ask("POST", "/_matrix/media/v3/upload", token, png())["content_uri"]
    path = f"/_matrix/client/v1/media/thumbnail/{uri.removeprefix('mxc://')}?width=32&height=32&method=crop"
    small = ask("GET", path, token, raw=True)
    assert small[:3] in (b"\x89PN", b"\xff\xd8\xff"), small[:20]
    tell("a message was sent and a picture made small")


def check_names() -> None:
    """By TLS, under both names and at the port for other servers."""
    trust = ssl.create_default_context(cafile=AUTHORITY)
    server = get("https://example.org/.well-known/matrix/server", trust)
    assert server == {"m.server": "matrix.example.org:443"}, server
    assert get("https://matrix.example.org/_matrix/client/versions", trust)["versions"]
    assert get("https://example.org:8448/_matrix/key/v2/server", trust)["server_name"] == "example.org"
    tell("Caddy serves both names and port 8448")


def check_turn() -> None:
    """coturn answers, at an address that is not loopback: there it does not listen by itself."""
    link = next(path.name for path in sorted(Path("/sys/class/net").iterdir()) if path.name != "lo")
    call("ip", "address", "add", f"{ADDRESS}/24", "dev", link)
    call("ip", "link", "set", link, "up")
    call("systemctl", "restart", "hearth-turn.service")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(10)
        wait_for("coturn listens", lambda: ADDRESS in call("ss", "-lun"))
        line.sendto(BINDING_REQUEST, (ADDRESS, 3478))
        assert struct.unpack(">H", line.recv(500)[:2])[0] == 0x0101
    tell("coturn answers")


def check_restart_refuses_nobody() -> None:
    """As in an upgrade: who connects meanwhile waits, and is answered."""
    counts = {"answered": 0}
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            assert get(f"{BASE}/_matrix/client/versions")["versions"]
            counts["answered"] += 1

    faults: list[Any] = []
    threading.excepthook = faults.append
    asking = threading.Thread(target=keep_asking)
    asking.start()
    began = time.monotonic()
    before = call("systemctl", "show", "-P", "MainPID", "hearth-web.service")
    call("systemctl", "restart", "hearth-migrate.service")
    wait_for(
        "the services are back",
        lambda: is_active("hearth-web.service") and is_active("hearth-worker.service"),
    )
    assert call("systemctl", "show", "-P", "MainPID", "hearth-web.service") != before
    took = time.monotonic() - began
    stop.set()
    asking.join(SECONDS)
    assert not faults, faults
    tell(f"new services after {took:.1f} s, nobody was refused")


def check_crash() -> None:
    """systemd starts again what is killed."""
    call("systemctl", "kill", "--signal=KILL", "hearth-worker.service")
    time.sleep(1)
    wait_for("the worker is back", lambda: is_active("hearth-worker.service"))
    tell("a worker that was killed is back")


def png() -> bytes:
    """A picture of 64 by 64 grey points."""
    rows = b"".join(b"\0" + bytes([row * 4] * 64) for row in range(64))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def ask(method: str, path: str, token: str, body: Any = None, *, raw: bool = False) -> Any:
    """What Hearth answers; a body is bytes of a picture, or JSON."""
    kind = "image/png" if isinstance(body, bytes) else "application/json"
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(BASE + path, method=method, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read() if raw else json.load(answer)
    except urllib.error.HTTPError as fault:
        raise AssertionError(f"{method} {path}: {fault.code} {fault.read()[:300]!r}") from fault


def get(url: str, trust: ssl.SSLContext | None = None) -> Any:
    """The JSON at an address."""
    with urllib.request.urlopen(url, timeout=60, context=trust) as answer:
        return json.load(answer)


def is_active(unit: str) -> bool:
    """Whether systemd says so."""
    return subprocess.run(["systemctl", "--quiet", "is-active", unit], check=False).returncode == 0


def wait_for(what: str, condition: Any) -> None:
    """Until it holds."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def call(*command: str, text: str = "") -> str:
    """What a program printed; it must succeed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
    return done.stdout


def tell(text: str) -> None:
    """A line for whoever watches the console."""
    print(f"story: {text}", flush=True)


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C.UTF-8"
    print(flush=True)
    try:
        main()
    except BaseException:
        traceback.print_exc()
        subprocess.run(["systemctl", "--no-pager", "--failed"], check=False)
        subprocess.run("journalctl --no-pager -o cat -u 'hearth-*' | tail -n 40", shell=True, check=False)  # noqa: S602
        raise
