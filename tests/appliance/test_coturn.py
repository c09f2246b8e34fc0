"""A real coturn: relays over TLS while certificates are renewed, and while secrets are rotated."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.__main__ import main
from appliance.config import Config, get_config
from appliance.diagnostics.checks.turn import OUTSIDE
from appliance.diagnostics.stun import Credentials, TurnClient, TurnFault, TurnServer, connected
from appliance.turn_certificate import CERTIFICATE, KEY
from appliance.turn_offers import offered_uris
from appliance.turn_server import Relay, configuration, relay_of, rotate
from matrix_app.services.calls import minted_credentials
from tests.factories.settings import settings
from tests.federation.certificates import Authority
from tests.real_server import free_port

HOST = "127.0.0.1"
SECONDS = 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("turnserver") is None, reason="coturn is not installed"),
]


class Coturn:
    """The process, started with a configuration in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plain, self.secure = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, config: Config) -> None:
        """With what would be written for it, but for what tells machines apart."""
        low = free_port()
        relay = relay_of(config)._replace(ports=(low, min(65535, low + 200)))
        text = _on_loopback(configuration(config, relay), self)
        (self.folder / "turnserver.conf").write_text(text, encoding="utf-8")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["turnserver", "-c", "turnserver.conf", "--log-file=stdout", f"--pidfile={self.folder}/pid"],
                cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for(lambda: _listens(self.plain), self)

    def restart(self, config: Config) -> None:
        self.stop()
        self.start(config)

    def reload(self) -> None:
        """As `systemctl reload hearth-turn` does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR2)

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(SECONDS)


def _on_loopback(text: str, coturn: Coturn) -> str:
    relays = f"relay-ip={HOST}\nrelay-ip=::1"
    replaced = {
        "listening-port=3478": f"listening-port={coturn.plain}\nlistening-ip={HOST}\n{relays}",
        "tls-listening-port=5349": f"tls-listening-port={coturn.secure}",
        "userdb=/var/lib/hearth-turn/turndb": f"userdb={coturn.folder}/turndb",
        "syslog": "verbose",
    }
    return "\n".join(replaced.get(line, line) for line in text.splitlines()) + "\n"


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), 1):
            return True
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], coturn: Coturn) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, (coturn.folder / "log").read_text()[-3000:]
        time.sleep(0.05)


@pytest.fixture
def coturn(tmp_path: Path) -> Iterator[Coturn]:
    folder = tmp_path / "coturn"
    folder.mkdir()
    found = Coturn(folder)
    yield found
    found.stop()


@contextmanager
def configured(folder: Path, coturn: Coturn) -> Iterator[Config]:
    """A Hearth whose TURN server this is."""
    turn: dict[str, Any] = {
        "uris": (f"turn:{HOST}:{coturn.plain}?transport=udp", f"turns:{HOST}:{coturn.secure}?transport=tcp"),
        "secret_file": folder / "turn_secret",
        "certificate_file": folder / "tls" / CERTIFICATE,
        "key_file": folder / "tls" / KEY,
    }
    (folder / "tls").mkdir()
    with settings(turn=turn) as config:
        yield config


def minted(user_id: str = "@alice:hearth.example") -> Credentials:
    return Credentials(*minted_credentials(user_id))


def secure(coturn: Coturn) -> TurnServer:
    return TurnServer(HOST, coturn.secure, "tls")


def shown_by(coturn: Coturn) -> bytes:
    """The certificate that coturn shows now."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((HOST, coturn.secure), 5) as plain, context.wrap_socket(plain) as line:
        return ssl.DER_cert_to_PEM_cert(line.getpeercert(binary_form=True) or b"").encode()


def gets_relay(server: TurnServer, trust: ssl.SSLContext, who: Credentials) -> bool:
    with connected(server, trust) as client:
        address = client.allocate(who)
        client.release()
    return str(address) == HOST


def test_relays_over_tls_go_on_before_and_after_a_renewal(tmp_path: Path, coturn: Coturn) -> None:
    authority = Authority(tmp_path)
    trust = ssl.create_default_context(cafile=authority.file)
    caddy = tmp_path / "caddy" / "certificates" / "acme" / HOST
    caddy.mkdir(parents=True)

    def get_certificate() -> bytes:
        """Caddy gets one, and what systemd starts then."""
        pair = authority.pair(HOST, days=30)
        (caddy / f"{HOST}.crt").write_bytes(pair[0])
        (caddy / f"{HOST}.key").write_bytes(pair[1])
        _hand_over(tmp_path)
        coturn.reload()
        wait_for(lambda: shown_by(coturn) == pair[0].replace(b"\r", b""), coturn)
        return pair[0]

    with configured(tmp_path, coturn) as config:
        _hand_over(tmp_path)
        coturn.start(config)
        assert offered_uris(config.turn) == [config.turn.uris[0]]
        with pytest.raises(TurnFault, match="certificate verify failed"):
            gets_relay(secure(coturn), trust, minted())
        get_certificate()
        assert offered_uris(config.turn) == list(config.turn.uris)
        assert gets_relay(secure(coturn), trust, minted())
        with connected(secure(coturn), trust) as call:
            call.allocate(minted())
            get_certificate()
            assert gets_relay(secure(coturn), trust, minted())
            assert _goes_on(call)


def _hand_over(folder: Path) -> None:
    given = ["--storage", str(folder / "caddy"), "--host", HOST, "--to", str(folder / "tls")]
    assert main(["turn-certificate", *given]) == 0


def _goes_on(call: TurnClient) -> bool:
    """A call that has begun is not broken off: its relay still takes permissions."""
    return call.permits(OUTSIDE)


@pytest.mark.parametrize("address", [OUTSIDE, "1.1.1.1", "2001:4860:4860::8888", "2a00::1"])
def test_what_is_outside_can_be_reached_through_it(address: str, relays: Relays) -> None:
    assert relays.permit(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
        "192.0.0.8", "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1",
        "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "fc00::1", "fd12:3456::1",
        "fe80::1", "febf::1", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_what_is_inside_cannot(address: str, relays: Relays) -> None:
    assert not relays.permit(address)


class Relays:
    """A relay of each kind of address."""

    def __init__(self, clients: dict[int, TurnClient]) -> None:
        self._clients = clients

    def permit(self, address: str) -> bool:
        return self._clients[ip_address(address).version].permits(address)


@pytest.fixture(scope="module")
def relays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relays]:
    folder = tmp_path_factory.mktemp("relays")
    coturn = Coturn(folder)
    with configured(folder, coturn) as config, ExitStack() as stack:
        coturn.start(config)
        stack.callback(coturn.stop)
        server, nothing = TurnServer(HOST, coturn.plain, "tcp"), ssl.create_default_context()
        clients = {version: stack.enter_context(connected(server, nothing)) for version in (4, 6)}
        for version, client in clients.items():
            client.allocate(minted(), ipv6=version == 6)
        yield Relays(clients)


def test_after_a_rotation_credentials_of_both_secrets_get_relays(tmp_path: Path, coturn: Coturn) -> None:
    server, nothing = TurnServer(HOST, coturn.plain, "udp"), ssl.create_default_context()
    with configured(tmp_path, coturn) as config:
        coturn.start(config)
        first = minted()
        assert gets_relay(server, nothing, first)
        rotate(get_config())
        second = minted()
        assert second.password != first.password
        coturn.restart(config)
        assert gets_relay(server, nothing, first)
        assert gets_relay(server, nothing, second)
        rotate(get_config())
        coturn.restart(config)
        assert gets_relay(server, nothing, second)
        with pytest.raises(TurnFault, match="401"):
            gets_relay(server, nothing, first)
        assert gets_relay(server, nothing, minted())
        with pytest.raises(TurnFault, match="401"):
            gets_relay(server, nothing, Credentials(second.username, "made up"))


def test_coturn_understands_every_line(tmp_path: Path, coturn: Coturn) -> None:
    with configured(tmp_path, coturn) as config:
        _hand_over(tmp_path)
        coturn.start(config)
    told = (coturn.folder / "log").read_text()
    assert "Bad configuration" not in told
    assert "Unknown" not in told
    assert Relay().ports == relay_of(Config()).ports
