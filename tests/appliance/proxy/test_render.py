"""The configurations, as the proxies themselves understand them, with a stand-in for Hearth behind."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.proxy.render import KINDS, render
from appliance.proxy.site import Certificates, NoSite, Site
from tests.real_server import free_port

SECONDS = 20
NAMES = ("example.org", "matrix.example.org")
ROOM = "/_matrix/client/v3/rooms/!a%2Fb%3Ac/state/x%25%23"


class Echo(BaseHTTPRequestHandler):
    """Answers with what arrived."""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = json.dumps({"path": self.path, "headers": headers, "size": len(body)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


class Ports(dict[int, int]):
    """Free ports in the place of those that only root may listen on."""

    def __missing__(self, port: int) -> int:
        self[port] = free_port()
        return self[port]


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("tls")
    names = ",".join(f"DNS:{name}" for name in NAMES)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=test", "-addext",
         f"subjectAltName={names}"],
        check=True, capture_output=True, timeout=SECONDS,
    )  # fmt: skip
    return Certificates(folder / "cert.pem", folder / "key.pem")


def site(upstream: str = "127.0.0.1:8008", host: str = "matrix.example.org") -> Site:
    return Site("example.org", host, 443, 8448, upstream, 3 << 20, 600)


def nginx(text: str, folder: Path, ports: Ports) -> list[str]:
    text = re.sub(r"listen (\[::\]:)?(\d+)", lambda m: f"listen {m[1] or ''}{ports[int(m[2])]}", text)
    paths = [
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    ]
    head = f"daemon off; master_process off; pid {folder}/pid; error_log stderr; events {{}}\n"
    inside = "access_log off;\n" + "\n".join(paths)
    (folder / "proxy.conf").write_text(f"{head} http {{\n{inside}\n{text}}}\n", encoding="utf-8")
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "proxy.conf")]


def caddy(text: str, folder: Path, ports: Ports) -> list[str]:
    text = re.sub(r"https://([\w.]+)(?::(\d+))?", lambda m: f"https://{m[1]}:{ports[int(m[2] or 443)]}", text)
    options = f"{{\n admin off\n auto_https disable_redirects\n storage file_system {folder}\n}}\n"
    (folder / "Caddyfile").write_text(options + text, encoding="utf-8")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={"HOME": str(folder), "PATH": "/usr/bin"}
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not listens(port):
            assert process.poll() is None, (folder / "log.txt").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(SECONDS)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


Ask = Callable[..., Any]


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def ask(
    request: pytest.FixtureRequest,
    echo: str,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Ask]:
    """Sends a request by TLS to a name and the port that stands for a usual one."""
    kind = request.param.__name__
    if shutil.which(kind, path="/usr/bin:/usr/sbin") is None:
        pytest.skip(f"{kind} is not installed")
    folder, ports = tmp_path_factory.mktemp(kind), Ports()
    command = request.param(render(kind, site(echo), certificates), folder, ports)
    command[0] = shutil.which(kind, path="/usr/bin:/usr/sbin") or kind

    def send(name: str, port: int, path: str, body: bytes = b"", **headers: str) -> Any:
        trust = ssl.create_default_context(cafile=certificates.certificate)
        with ExitStack() as stack:
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", ports[port]), SECONDS))
            line = http.client.HTTPConnection(name, ports[port])
            line.sock = stack.enter_context(trust.wrap_socket(raw, server_hostname=name))
            line.request("PUT", path, body, headers)
            answer = line.getresponse()
            return answer.status, json.loads(answer.read()) if answer.status == 200 else {}

    with running(command, folder, ports[8448]):
        yield send


@pytest.mark.slow
def test_paths_arrive_as_they_were_sent(ask: Ask) -> None:
    for name, port in ((NAMES[1], 443), (NAMES[0], 8448), (NAMES[1], 8448)):
        status, arrived = ask(name, port, ROOM)
        assert (status, arrived["path"]) == (200, ROOM)


@pytest.mark.slow
def test_hearth_is_told_who_asks_and_how_and_nobody_can_lie(ask: Ask) -> None:
    lies = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
    _, arrived = ask(NAMES[1], 443, "/", **lies)
    told = arrived["headers"]
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == ("127.0.0.1", "https")
    assert told["host"].startswith(NAMES[1])


@pytest.mark.slow
def test_the_domain_of_the_users_leads_to_the_server_and_to_nothing_else(ask: Ask) -> None:
    status, arrived = ask(NAMES[0], 443, "/.well-known/matrix/server")
    assert (status, arrived["path"]) == (200, "/.well-known/matrix/server")
    assert ask(NAMES[0], 443, "/_matrix/client/versions")[0] == 404


@pytest.mark.slow
def test_bodies_are_let_through_up_to_the_size_of_media(ask: Ask) -> None:
    assert ask(NAMES[1], 443, "/", b"x" * (3 << 20))[1]["size"] == 3 << 20


@pytest.mark.parametrize("kind", KINDS)
def test_every_configuration_names_both_domains_and_both_ports(kind: str) -> None:
    text = render(kind, site(), Certificates(Path("/c"), Path("/k")))
    for wanted in (*NAMES, "8448", "443", "127.0.0.1:8008", "/.well-known/matrix/"):
        assert wanted in text or (kind == "caddy" and wanted == "443")


def test_hearth_may_be_behind_a_unix_socket_where_the_proxy_knows_those() -> None:
    local = site("unix:/socket/hearth.sock")
    assert "reverse_proxy unix//socket/hearth.sock {" in render("caddy", local, Certificates())
    assert "server unix:/socket/hearth.sock;" in render("nginx", local, Certificates(Path("/c"), Path("/k")))
    for kind in set(KINDS) - {"caddy", "nginx"}:
        with pytest.raises(NoSite, match="by host and port"):
            render(kind, local, Certificates(Path("/c"), Path("/k")))


@pytest.mark.parametrize("kind", KINDS)
def test_without_delegation_the_domain_is_named_once_a_port(kind: str) -> None:
    text = render(kind, site(host="example.org"), Certificates(Path("/c"), Path("/k")))
    assert "matrix.example.org" not in text
    assert "PathPrefix" not in text


def test_traefik_is_given_valid_yaml() -> None:
    for tls in (Certificates(), Certificates(Path("/c"), Path("/k"))):
        text = render("traefik", site(), tls)
        routers = yaml.safe_load(text)["http"]["routers"]
        assert routers["hearth"]["tls"] == ({} if tls.certificate else {"certResolver": "letsencrypt"})
        comments = [line[2:] for line in text.splitlines() if line.startswith("#   ")]
        entry_points = yaml.safe_load("\n".join(comments))["entryPoints"]
        assert entry_points["matrix-federation"]["http"]["encodedCharacters"]["allowEncodedSlash"] is True
