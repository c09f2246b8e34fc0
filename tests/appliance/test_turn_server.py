"""The configuration of coturn."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import msgspec
import pytest

from appliance.config import Config
from appliance.turn_server import DENIED_PEERS, NoSecret, Relay, configuration, rotate, shared_secrets


def config(secret: str = "", file: Path | None = None) -> Config:
    plain = Config()
    return msgspec.structs.replace(
        plain,
        server=msgspec.structs.replace(plain.server, name="example.org:8448"),
        turn=msgspec.structs.replace(plain.turn, secret=secret, secret_file=file),
    )


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    mine = config(file=tmp_path / "s" / "turn_secret")
    (secret,) = shared_secrets(mine)
    assert shared_secrets(mine) == [secret]
    assert len(secret) >= 32
    assert f"static-auth-secret={secret}\n" in configuration(mine, Relay())


def test_after_a_rotation_the_new_secret_is_first_and_the_one_before_is_still_taken(tmp_path: Path) -> None:
    mine = config(file=tmp_path / "turn_secret")
    (first,) = shared_secrets(mine)
    rotate(mine)
    second, kept = shared_secrets(mine)
    assert kept == first != second
    rotate(mine)
    third, kept = shared_secrets(mine)
    assert (kept, third not in (first, second)) == (second, True)
    text = configuration(mine, Relay())
    assert [f"static-auth-secret={secret}\n" in text for secret in (third, second, first)] == [
        True,
        True,
        False,
    ]


def test_only_a_secret_in_a_file_can_be_rotated() -> None:
    with pytest.raises(NoSecret, match=r"turn\.secret_file"):
        rotate(config(secret="s3cret"))
    with pytest.raises(NoSecret, match=r"turn\.secret_file"):
        configuration(config(), Relay())
    assert "static-auth-secret=s3cret\n" in configuration(config(secret="s3cret"), Relay())


def test_what_the_owner_says_of_the_machine_is_in_it() -> None:
    relay = Relay((50000, 50010), "192.0.2.1/10.0.0.2", Path("/c"), Path("/k"))
    lines = configuration(config(secret="x"), relay).splitlines()
    for line in ("min-port=50000", "max-port=50010", "external-ip=192.0.2.1/10.0.0.2", "cert=/c", "pkey=/k"):
        assert line in lines
    assert "realm=example.org" in lines
    assert "no-tls" not in lines


@pytest.mark.parametrize(
    "inner",
    ["127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "::1", "fd00::1", "fe80::1", "100.64.0.1"],
)
def test_nothing_inside_can_be_reached_through_it(inner: str) -> None:
    address = ipaddress.ip_address(inner)
    denied = (tuple(map(ipaddress.ip_address, peers.split("-"))) for peers in DENIED_PEERS)
    assert any(low.version == address.version and low <= address <= high for low, high in denied)  # type: ignore[operator]


def test_in_a_container_it_logs_to_the_standard_output_and_writes_to_tmp_alone() -> None:
    lines = configuration(config(secret="x"), Relay(container=True)).splitlines()
    assert "log-file=stdout" in lines
    assert "syslog" not in lines
    written = [line.partition("=")[2] for line in lines if line.startswith(("userdb=", "pidfile="))]
    assert all(path.startswith("/tmp/") for path in written), written
    assert len(written) == 2
