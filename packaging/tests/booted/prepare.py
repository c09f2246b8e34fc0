"""Makes a system ready to boot with the older packages, in a chroot: without a network, without systemd."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from stories.system import call, install, preseed

SYSTEM: Final = Path("/etc/systemd/system")
HOSTS: Final = """127.0.0.1 localhost
192.0.2.10 example.org matrix.example.org other.example
"""
SETTINGS: Final = """# A network that the internet does not reach, and people who write as fast as they can.
[proxy]
private_ca = true
[federation]
allow_private_addresses = true
ca_file = "/test/peer/ca.crt"
[rate_limits]
enabled = false
"""
# An address that is not loopback: the network card's, or that of a pair of cards where the machine has none.
LINK: Final = """[Unit]
DefaultDependencies=no
After=systemd-udev-settle.service
Wants=systemd-udev-settle.service network.target
Before=network.target network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -euc 'link=$$(ls /sys/class/net | grep -v ^lo$$ | head -n 1); \\
    [ -n "$$link" ] || { link=story0; ip link add story0 type veth peer name story1; \\
    ip link set story1 up; }; \\
    ip link set lo up; ip address add 192.0.2.10/24 dev $$link; ip link set $$link up'
[Install]
WantedBy=multi-user.target
"""
STORY: Final = """[Unit]
After=multi-user.target hearth-story-link.service
[Service]
Type=oneshot
Environment=PYTHONPATH=/test STORY_PATIENCE={patience} STORY_QUICK={quick}
ExecStart=/usr/bin/python3 -Bum booted
StandardOutput=append:{console}
StandardError=inherit
[Install]
WantedBy=multi-user.target
"""


def main(console: str, patience: str, quick: str) -> None:
    """Names, certificates, settings, packages, and the service that tells the story."""
    Path("/etc/hosts").write_text(HOSTS)
    make_certificates(Path("/test/peer"))
    preseed(
        "server-name string example.org",
        "public-host string matrix.example.org",
        "tls-mode select caddy",
        "turn boolean true",
    )
    settings = Path("/etc/hearth/conf.d/story.toml")
    settings.parent.mkdir(parents=True)
    settings.write_text(SETTINGS)
    install("old")
    (SYSTEM / "hearth-story-link.service").write_text(LINK)
    (SYSTEM / "hearth-story.service").write_text(
        STORY.format(console=console, patience=patience, quick=quick)
    )
    call("systemctl", "disable", "caddy.service", "coturn.service")
    call("systemctl", "enable", "hearth-story.service", "hearth-story-link.service")
    # It would hang up on the story.
    call("systemctl", "mask", "serial-getty@ttyS0.service")
    # The journal of the boot before is looked at after the next.
    Path("/var/log/journal").mkdir(exist_ok=True)


def make_certificates(folder: Path) -> None:
    """An authority, and the other server's certificate by it, as strict about extensions as Python 3.13."""
    folder.mkdir()
    (folder / "openssl.cnf").write_text("[req]\ndistinguished_name = name\n[name]\n")
    authority = ("basicConstraints=critical,CA:true", "keyUsage=critical,keyCertSign")
    make_certificate(folder, "ca", "An authority", *authority, "subjectKeyIdentifier=hash")
    signer = ("-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"))
    server = ("subjectAltName=DNS:other.example", "authorityKeyIdentifier=keyid")
    make_certificate(folder, "peer", "other.example", *server, signer=signer)


def make_certificate(
    folder: Path, file: str, name: str, *extensions: str, signer: tuple[str, ...] = ()
) -> None:
    """A certificate for a month and its key; without a signer by itself."""
    added = [part for extension in extensions for part in ("-addext", extension)]
    call(
        "openssl", "req", "-x509", "-config", str(folder / "openssl.cnf"), "-subj", f"/CN={name}",
        "-days", "30", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", str(folder / f"{file}.key"), "-out", str(folder / f"{file}.crt"), *added, *signer,
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
