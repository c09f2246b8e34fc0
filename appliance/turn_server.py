"""The configuration of coturn beside Hearth, and the secret that the two share."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from appliance.config.addresses import parse_ports

if TYPE_CHECKING:
    from appliance.config import Config

DEFAULT_PORT: Final = 3478
TLS_PORT: Final = 5349
# Nothing that only this machine or its network may reach can be reached through it. No range may begin with
# `::`: coturn takes every IPv4 address for a part of it, and relays nothing at all.
DENIED_PEERS: Final = (
    "0.0.0.0-0.255.255.255",
    "10.0.0.0-10.255.255.255",
    "100.64.0.0-100.127.255.255",
    "127.0.0.0-127.255.255.255",
    "169.254.0.0-169.254.255.255",
    "172.16.0.0-172.31.255.255",
    "192.0.0.0-192.0.0.255",
    "192.0.2.0-192.0.2.255",
    "192.88.99.0-192.88.99.255",
    "192.168.0.0-192.168.255.255",
    "198.18.0.0-198.19.255.255",
    "198.51.100.0-198.51.100.255",
    "203.0.113.0-203.0.113.255",
    "224.0.0.0-255.255.255.255",
    "::1-::1",
    "::ffff:0.0.0.0-::ffff:255.255.255.255",
    "64:ff9b::-64:ff9b::ffff:ffff",
    "64:ff9b:1::-64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
    "100::-100::ffff:ffff:ffff:ffff",
    "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "2002::-2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fe80::-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
)
_FIXED: Final = (
    "use-auth-secret",
    "fingerprint",
    "no-cli",
    "no-tcp-relay",
    "no-multicast-peers",
    "no-tlsv1",
    "no-tlsv1_1",
    "no-rfc5780",
    "stale-nonce=600",
    "max-allocate-lifetime=3600",
    "user-quota=12",
    "total-quota=1200",
    "simple-log",
)
# What it keeps and where it logs: under our unit, and in a container, where nothing else can be written.
_UNDER_SYSTEMD: Final = ("userdb=/var/lib/hearth-turn/turndb", "syslog")
_IN_CONTAINER: Final = ("userdb=/tmp/turndb", "pidfile=/tmp/turnserver.pid", "log-file=stdout")


class NoSecret(Exception):
    """TURN has no secret that a file can be made from; the message says what to set."""


class Relay(NamedTuple):
    """What the owner says of the machine: the ports for relayed calls, its address outside, a certificate,
    and whether coturn runs in a container of its own.
    """

    ports: tuple[int, int] = (49152, 49251)
    external_ip: str = ""
    certificate: Path | None = None
    key: Path | None = None
    container: bool = False


def relay_of(config: Config) -> Relay:
    """What the configuration says of the machine."""
    turn = config.turn
    return Relay(parse_ports(turn.relay_ports), turn.external_ip, turn.certificate_file, turn.key_file)


def configuration(config: Config, relay: Relay) -> str:
    """The text of `turnserver.conf`; it holds the secret. Raises `NoSecret`."""
    lines = [
        "# coturn for Hearth, as printed by: hearth render-turn",
        f"realm={urlsplit(f'//{config.server.name}').hostname}",
        f"listening-port={DEFAULT_PORT}",
        f"min-port={relay.ports[0]}",
        f"max-port={relay.ports[1]}",
        *(f"static-auth-secret={secret}" for secret in shared_secrets(config)),
        *_FIXED,
        *(_IN_CONTAINER if relay.container else _UNDER_SYSTEMD),
        *_tls(relay),
        *([f"external-ip={relay.external_ip}"] if relay.external_ip else []),
        *(f"denied-peer-ip={peers}" for peers in DENIED_PEERS),
    ]
    return "\n".join(lines) + "\n"


def _tls(relay: Relay) -> list[str]:
    if relay.certificate is None:
        return ["no-tls", "no-dtls"]
    return [f"tls-listening-port={TLS_PORT}", f"cert={relay.certificate}", f"pkey={relay.key}"]


def shared_secrets(config: Config) -> list[str]:
    """The secrets that coturn accepts: the present one first, then that from before the last rotation."""
    if config.turn.secret:
        return [config.turn.secret]
    file = config.turn.secret_file
    if file is None:
        raise NoSecret("set turn.secret_file, such as turn_secret, or turn.secret")
    if not file.exists():
        _write(file, [_new()])
    return file.read_text(encoding="utf-8").split()


def rotate(config: Config) -> None:
    """Makes a new secret, and keeps the one before it for credentials that are in use. Raises `NoSecret`."""
    file = config.turn.secret_file
    if file is None:
        raise NoSecret("only a secret in a file can be rotated: set turn.secret_file instead of turn.secret")
    _write(file, [_new(), shared_secrets(config)[0]])


def _new() -> str:
    return secrets.token_urlsafe(32)


def _write(file: Path, lines: list[str]) -> None:
    """Puts a whole file in the place of the one before, so that nobody reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w") as stream:
        stream.write("\n".join(lines) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
