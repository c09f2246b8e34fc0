"""compose.yaml as an owner starts it: two names in a file, and everything else makes itself."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from appliance.diagnostics.stun import Credentials, TurnServer, connected
from image.engine import CONFINED, podman, wait_for

PROJECT: Final = Path(__file__).resolve().parents[3]
SERVER, HOST = "example.org", "matrix.example.org"
OWNER, PASSWORD = "rosa", "correct horse battery staple"
# A client that is not the address at which Caddy listens.
ELSEWHERE: Final = "127.0.0.9"
SERVICES: Final = ("prepare", "database", "hearth", "caddy", "turn-certificate", "coturn")
SECONDS: Final = 20
SECURE: Final = TurnServer(HOST, 5349, "tls")
# An address that relays lead to; nothing is sent there.
OUTSIDE: Final = "8.8.8.8"


class Composition:
    """The folder of an owner, and what runs of it."""

    def __init__(self, program: str, folder: Path, stand_ins: str) -> None:
        self._command = [program, "--project-name", f"hearth-test-{os.getpid()}"]
        self._folder = folder
        self._stand_ins = stand_ins
        shutil.copy(PROJECT / "packaging" / "container" / "compose.yaml", folder)
        (folder / "containers.conf").write_text(
            '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n'
            '[engine]\nruntime = "runc"\n'
        )

    def configure(self, image: str) -> None:
        """Write the two names, and what only a test needs."""
        named = {"SERVER_NAME": SERVER, "PUBLIC_HOST": HOST}
        named |= {"HEARTH_IMAGE": image, "PROXY_OPTIONS": "--private-ca"}
        for name in ("postgres", "caddy", "coturn"):
            named[f"{name.upper()}_IMAGE"] = f"{self._stand_ins}-{name}"
        (self._folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in named.items()))

    def run(self, *arguments: str) -> str:
        """What podman-compose printed; it must succeed."""
        environ = {**os.environ, "CONTAINERS_CONF": str(self._folder / "containers.conf")}
        command = [*self._command, *arguments]
        done = subprocess.run(
            command, cwd=self._folder, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def container(self, service: str) -> str:
        """The name of the container of a service."""
        own = f"label=com.docker.compose.project={self._command[-1]}"
        wanted = f"label=com.docker.compose.service={service}"
        return podman("ps", "--all", "--format", "{{.Names}}", "--filter", own, "--filter", wanted)

    def volumes(self) -> list[str]:
        """The names of all volumes."""
        own = f"label=com.docker.compose.project={self._command[-1]}"
        return podman("volume", "ls", "--quiet", "--filter", own).split()

    def volume(self, name: str) -> str:
        """A volume of compose.yaml as podman knows it; what follows its name stays."""
        return f"{self._command[-1]}_{name}"

    def everything(self) -> str:
        """The ends of all logs, for when something has failed."""
        named = ((service, self.container(service)) for service in SERVICES)
        return "\n".join(f"{service}: {podman('logs', name)[-1500:]}" for service, name in named if name)


def composed(program: str, stand_ins: str, old: str, new: str) -> None:
    """Start, first message through Caddy, upgrade."""
    with tempfile.TemporaryDirectory(prefix="hearth-compose-") as name, ExitStack() as stack:
        composition = Composition(program, Path(name), stand_ins)
        stack.callback(lambda: podman("volume", "rm", "--force", *composition.volumes()))
        with up(composition, old):
            told = podman("logs", composition.container("hearth"))
            assert f"https://{HOST}/setup/#" in told, told
            assert "http://127.0.0.1:8008/setup/#" in told, told
            assert "PostgreSQL, hearth on database" in told, told
            create = ("hearth", "create-user", OWNER, "--admin", "--password-file", "-")
            podman("exec", "--interactive", composition.container("hearth"), *create, text=PASSWORD)
            trust = authority(composition)
            check_names(trust)
            token, room = check_clients(trust)
            check_turn(composition, trust, token)
            check_renewal(composition, trust, token)
        with up(composition, new):
            trust = authority(composition)
            path = f"/_matrix/client/v3/rooms/{room}/messages?dir=f&limit=100"
            found = ask(trust, HOST, 443, "GET", path, token=token)["chunk"]
            assert "first" in [event["content"].get("body") for event in found], found
            assert "setup page" not in podman("logs", composition.container("hearth"))


@contextmanager
def up(composition: Composition, image: str) -> Iterator[None]:
    """Everything runs inside the block."""
    began = time.monotonic()
    composition.configure(image)
    try:
        composition.run("up", "--detach")
        wait_for(
            lambda: "ready after" in podman("logs", composition.container("hearth")), composition.everything
        )
        print(f"{'compose up':<34} {time.monotonic() - began:6.1f} s", flush=True)
        yield
    except BaseException:
        print(composition.everything(), flush=True)
        raise
    finally:
        composition.run("down")


def authority(composition: Composition) -> ssl.SSLContext:
    """What Caddy's own authority has signed is believed."""
    file = "/data/caddy/pki/authorities/local/root.crt"
    text = podman("exec", composition.container("caddy"), "cat", file)
    return ssl.create_default_context(cadata=text)


def ask(
    trust: ssl.SSLContext,
    name: str,
    port: int,
    method: str,
    path: str,
    body: Any = None,
    token: str = "",
    **headers: str,
) -> Any:
    """What a client elsewhere gets by TLS."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    if token:
        named["Authorization"] = f"Bearer {token}"
    line = http.client.HTTPConnection(name, port, timeout=SECONDS)
    raw = socket.create_connection(("127.0.0.1", port), SECONDS, source_address=(ELSEWHERE, 0))
    with trust.wrap_socket(raw, server_hostname=name) as line.sock:
        line.request(method, path, None if body is None else json.dumps(body), named)
        answer = line.getresponse()
        text = answer.read()
        assert answer.status == 200, (path, answer.status, text[:300])
        return json.loads(text)


def check_names(trust: ssl.SSLContext) -> None:
    """Both names, and the port for other servers."""
    assert ask(trust, SERVER, 443, "GET", "/.well-known/matrix/server") == {"m.server": f"{HOST}:443"}
    assert ask(trust, HOST, 443, "GET", "/_matrix/client/versions")["versions"]
    assert ask(trust, SERVER, 8448, "GET", "/_matrix/key/v2/server")["server_name"] == SERVER


def check_clients(trust: ssl.SSLContext) -> tuple[str, str]:
    """Their addresses are right, whatever they say; a token and a room with a message."""
    user = {"type": "m.id.user", "user": OWNER}
    body = {"type": "m.login.password", "identifier": user, "password": PASSWORD}
    lie = {"X_Forwarded_For": "203.0.113.9"}
    token = ask(trust, HOST, 443, "POST", "/_matrix/client/v3/login", body, **lie)["access_token"]
    devices = ask(trust, HOST, 443, "GET", "/_matrix/client/v3/devices", token=token)["devices"]
    assert devices[0]["last_seen_ip"] == ELSEWHERE, devices
    room = ask(trust, HOST, 443, "POST", "/_matrix/client/v3/createRoom", {}, token)["room_id"]
    path = f"/_matrix/client/v3/rooms/{room}/send/m.room.message/1"
    ask(trust, HOST, 443, "PUT", path, {"msgtype": "m.text", "body": "first"}, token)
    return token, room


def check_turn(composition: Composition, trust: ssl.SSLContext, token: str) -> None:
    """Clients are told of coturn, over TLS too once it has a certificate, and get relays of all kinds."""

    def told() -> dict[str, Any]:
        found: dict[str, Any] = ask(
            trust, HOST, 443, "GET", "/_matrix/client/v3/voip/turnServer", token=token
        )
        return found

    wait_for(lambda: any(uri.startswith("turns:") for uri in told()["uris"]), composition.everything)
    # coturn may have begun with a certificate of its own, and looks every ten seconds for Caddy's.
    wait_for(lambda: is_believed(trust), composition.everything)
    who = Credentials(told()["username"], told()["password"])
    assert len(told()["uris"]) == 3, told()
    for uri in told()["uris"]:
        with connected(TurnServer.of(uri), trust, gateway()) as client:
            client.allocate(who)
            client.release()
    podman("exec", composition.container("hearth"), "cat", "/turn-tls/privkey.pem", code=1)


def check_renewal(composition: Composition, trust: ssl.SSLContext, token: str) -> None:
    """Caddy gets another certificate: coturn shows it, and a call that has begun goes on."""
    told = ask(trust, HOST, 443, "GET", "/_matrix/client/v3/voip/turnServer", token=token)
    who, coturn = Credentials(told["username"], told["password"]), composition.container("coturn")
    began = podman("inspect", "--format", "{{.State.StartedAt}}", coturn)
    with connected(SECURE, trust, gateway()) as call:
        call.allocate(who)
        first = shown_by_coturn(trust)
        with renewing(composition):
            renewed = time.monotonic()
            wait_for(lambda: shown_by_coturn(trust) != first, composition.everything)
            print(f"{'a certificate is handed over':<34} {time.monotonic() - renewed:6.1f} s", flush=True)
        assert call.permits(OUTSIDE)
        with connected(SECURE, trust, gateway()) as another:
            another.allocate(who)
    assert podman("inspect", "--format", "{{.State.StartedAt}}", coturn) == began


@contextmanager
def renewing(composition: Composition) -> Iterator[None]:
    """Caddy finds no certificate in its storage and gets one: a second one, so that nothing is stopped."""
    caddy = composition.container("caddy")
    podman("exec", caddy, "rm", "-r", f"/data/caddy/certificates/local/{HOST}")
    image = podman("inspect", "--format", "{{.ImageName}}", caddy)
    mounted = [f"--volume={composition.volume(name)}" for name in ("caddy:/data", "proxy:/prepared:ro")]
    run = ("caddy", "run", "--adapter", "caddyfile", "--config", "/prepared/Caddyfile")
    # The first two options of CONFINED are what this machine needs.
    second = podman("run", "--detach", "--network=none", *CONFINED[:2], *mounted, image, *run)
    try:
        yield
    finally:
        podman("rm", "--force", "--time", "1", second)


def is_believed(trust: ssl.SSLContext) -> bool:
    """Whether coturn has a certificate from an authority that is believed."""
    try:
        return shown_by_coturn(trust) is not None
    except ssl.SSLCertVerificationError:
        return False


def shown_by_coturn(trust: ssl.SSLContext) -> bytes | None:
    """Its certificate, which is for the host and of an authority that is believed."""
    plain = socket.create_connection((gateway(), SECURE.port), SECONDS)
    with trust.wrap_socket(plain, server_hostname=HOST) as line:
        return line.getpeercert(binary_form=True)


def gateway() -> str:
    """An address of this machine's that is not loopback, where coturn does not listen."""
    networks = json.loads(podman("network", "inspect", *podman("network", "ls", "--quiet").split()))
    found = next(one for one in networks if one["name"] == f"hearth-test-{os.getpid()}_default")
    return str(found["subnets"][0]["gateway"])
