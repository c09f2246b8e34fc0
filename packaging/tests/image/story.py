"""What an owner does with the image: the setup, a message, an upgrade; with SQLite and with PostgreSQL.

Run as root in a network of its own, by packaging/tests/container.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import re
import socket
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from image.cluster import cluster
from image.composed import composed
from image.engine import (
    CONFINED,
    Server,
    ask,
    children,
    kill,
    last_address,
    log_in,
    messages,
    new_room,
    podman,
    running,
    send,
    users_of,
    wait_for,
)
from image.prepared import check_prepared
from image.wizard import Visitor, set_up

NAME = "wizard.example"
OWNER, PASSWORD = "rosa", "correct horse battery staple"
USER = "10001"
PORT = 18008
DATABASE_PORT = 18432
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
ENDED_BY_SIGTERM = 128 + 15


def main() -> None:
    """The whole story; an assertion that fails ends it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--old", required=True, help="an image")
    parser.add_argument("--new", required=True, help="the same of a later version")
    parser.add_argument("--compose", help="podman-compose; without, compose.yaml is not tried")
    parser.add_argument("--stand-ins", help="what images in the place of those of a registry begin with")
    arguments = parser.parse_args()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        fcntl.ioctl(line, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))
    timed("what cannot be written is told", lambda: check_refusals(arguments.new))
    timed("it ends while it waits", lambda: check_waiting(arguments.new))
    with volume() as data:
        room, token = life_of_old(arguments.old, data)
        life_of_new(arguments.new, data, room, token)
    timed("PostgreSQL", lambda: check_postgresql(arguments.new))
    timed("what compose.yaml begins with", lambda: check_prepared(arguments.new))
    if arguments.compose:
        composed(arguments.compose, arguments.stand_ins, arguments.old, arguments.new)


def check_refusals(image: str) -> None:
    """A volume that belongs to somebody else is refused with what mends it, and no traceback."""
    with tempfile.TemporaryDirectory(prefix="hearth-container-") as name:
        folder = Path(name)
        for mode in (0o755, 0o700):
            folder.chmod(mode)
            command = ["run", "--rm", *CONFINED, "--volume", f"{folder}:/data", image]
            told = podman(*command, code=1)
            assert f"chown -R {USER}:{USER} /data" in told, told
            assert "Traceback" not in told, told
        assert not list(folder.iterdir())


def check_waiting(image: str) -> None:
    """The first process of a container is not ended by signals unless it says so."""
    url = {"HEARTH_DATABASE__URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    with running(image, f"{prefix()}-waiting", PORT, environ=url) as server:
        wait_for(lambda: "waiting for the database" in server.logs(), server.logs)
        began = time.monotonic()
        podman("stop", "--time", "30", server.name)
        assert time.monotonic() - began < 10
        assert server.inspect(".State.ExitCode") == str(ENDED_BY_SIGTERM)


def life_of_old(image: str, data: str) -> tuple[str, str]:
    """From the first start to a message; the room and a token."""
    with hearth(image, data) as server:
        timed("first start", server.wait_until_it_answers)
        wait_for(lambda: "ready after" in server.logs(), server.logs)  # nothing is on the standard error
        found = re.search(r"setup page +http://127\.0\.0\.1:8008/setup/#(\S+)", server.logs())
        assert found, server.logs()
        first = server.pid
        timed("setup", lambda: set_up(Visitor(server.base), found[1], NAME, OWNER, PASSWORD))
        assert server.pid == first
        token = log_in(server.base, OWNER, PASSWORD)
        wait_for(lambda: last_address(server.base, token, "198.51.100.7") == "198.51.100.7")
        room = new_room(server.base, token)
        send(server.base, token, room, "first")
        check_confined(server)
        check_alone(image, data)
        check_health(server)
        check_orphans(server)
        server.execute("hearth", "backup")
        print(f"{'stopped after':<34} {server.stop():6.1f} s")
        return room, token


def life_of_new(image: str, data: str, room: str, token: str) -> None:
    """The same volume, and all that is in it."""
    with hearth(image, data) as server:
        timed("start after the upgrade", server.wait_until_it_answers)
        found = ask(server.base, "GET", "/_matrix/federation/v1/version")["server"]["version"]
        wanted = json.loads(podman("inspect", "--format", "{{json .Config.Labels}}", image))
        assert found == wanted["org.opencontainers.image.version"], (found, wanted)
        assert messages(server.base, token, room) == ["first"]
        send(server.base, token, room, "second")
        assert messages(server.base, token, room) == ["first", "second"]
        assert "setup page" not in server.logs()
        server.stop()


def check_confined(server: Server) -> None:
    """Not root, in no process; nothing but the volume and /tmp can be written."""
    assert server.execute("id", "-u") == USER
    for pid in (server.pid, *children(server.pid)):
        assert users_of(pid) == {USER}
    mounts = [line.split() for line in server.execute("cat", "/proc/mounts").splitlines()]
    root = next(options for _, place, _, options, *_ in mounts if place == "/")
    assert "ro" in root.split(","), root
    for place in ("/usr/lib/hearth/x", "/etc/x", "/socket/x", "/home/x"):
        server.execute("touch", place, code=1)
    assert server.inspect(".Config.StopSignal") in ("15", "SIGTERM")


def check_alone(image: str, data: str) -> None:
    """Another container may not use the volume meanwhile, whatever for."""
    for command, told in (("run", "a server runs already"), ("restore", "the server runs: stop it first")):
        arguments = (command,) if command == "run" else (command, "some")
        done = podman(
            "run", "--rm", *CONFINED, f"--volume={data}:/data", image, *arguments, code=1, errors=True
        )
        assert told in done, done


def check_health(server: Server) -> None:
    """As podman and docker ask; without a server, it is told why not."""
    podman("healthcheck", "run", server.name)
    assert server.inspect(".State.Health.Status") == "healthy"
    told = podman("exec", "--env=HEARTH_SERVER__LISTEN=127.0.0.1:1", server.name, "health", code=1)
    assert told == ""


def check_orphans(server: Server) -> None:
    """What loses its parent is removed when it ends, and the server goes on."""
    first = server.pid
    parent = next(pid for pid in children(first) if children(pid))
    kill(parent)
    wait_for(lambda: parent not in children(first))
    wait_for(lambda: "Z" not in children(first).values() and any(map(children, children(first))))
    server.wait_until_it_answers()


def check_postgresql(image: str) -> None:
    """By a URL in a file, which stays a secret; a backup is made by the programs of the image."""
    with cluster(DATABASE_PORT) as url, tempfile.TemporaryDirectory(prefix="hearth-secrets-") as name:
        Path(name).chmod(0o755)
        (Path(name) / "database_url").write_text(url + "\n")
        environ = {
            "HEARTH_DATABASE__URL_FILE": "/secrets/database_url",
            "HEARTH_SERVER__NAME": NAME,
            "HEARTH_SERVER__LISTEN": f"127.0.0.1:{PORT}",
        }
        options = ("--network=host", f"--volume={name}:/secrets:ro")
        with volume() as data:
            mounted = (*options, f"--volume={data}:/data")
            with running(image, f"{prefix()}-pg", PORT, *mounted, environ=environ) as server:
                server.wait_until_it_answers()
                create = ("hearth", "create-user", OWNER, "--admin", "--password-file", "-")
                server.execute(*create, text=PASSWORD)
                token = log_in(server.base, OWNER, PASSWORD)
                room = new_room(server.base, token)
                send(server.base, token, room, "first")
                server.execute("hearth", "backup")
                for told in (podman("inspect", server.name), server.execute("hearth", "config")):
                    assert url.split(":")[2].split("@")[0] not in told
                podman("healthcheck", "run", server.name)
                server.stop()
            with running(image, f"{prefix()}-pg", PORT, *mounted, environ=environ) as server:
                server.wait_until_it_answers()
                assert messages(server.base, token, room) == ["first"]


@contextmanager
def hearth(image: str, data: str) -> Iterator[Server]:
    """As docs/packaging.md starts it, behind a proxy on this machine."""
    gateway = json.loads(podman("network", "inspect", "podman"))[0]["subnets"][0]["gateway"]
    environ = {"HEARTH_SERVER__TRUSTED_PROXIES": gateway}
    options = (f"--volume={data}:/data", f"--publish=127.0.0.1:{PORT}:8008")
    with running(image, f"{prefix()}-hearth", PORT, *options, environ=environ) as server:
        yield server


@contextmanager
def volume() -> Iterator[str]:
    """The name of a new volume, which is removed at the end."""
    with ExitStack() as stack:
        name = podman("volume", "create")
        stack.callback(podman, "volume", "rm", "--force", name)
        yield name


def prefix() -> str:
    """What the names of this run's containers begin with."""
    return f"hearth-test-{socket.gethostname()}-{Path('/proc/self').resolve().name}"


def timed(what: str, work: Callable[[], Any]) -> None:
    """Tells how long it took."""
    began = time.monotonic()
    work()
    print(f"{what:<34} {time.monotonic() - began:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
