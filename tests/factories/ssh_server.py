"""A machine that is reached by SSH: Debian's own sshd on a loopback port, with keys of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import asyncssh

from appliance.config.sections.backup import Sftp
from tests.real_server import free_port

PROGRAM = shutil.which("sshd", path="/usr/sbin:/sbin:/usr/local/sbin")
START_SECONDS = 30.0
_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 50
LogLevel ERROR
Subsystem sftp internal-sftp
"""


class SshServer(NamedTuple):
    """Where the machine listens, its files, and the key that it shows."""

    port: int
    folder: Path
    host_key: str

    def admit(self, public_key: str) -> None:
        """Let whoever has a key sign in."""
        with (self.folder / "authorized_keys").open("a") as stream:
            stream.write(public_key + "\n")

    def config(self, folder: str) -> Sftp:
        """The settings that lead to a folder here."""
        return Sftp(
            host="127.0.0.1",
            port=self.port,
            user=getpass.getuser(),
            folder=folder,
            host_key=self.host_key,
            timeout_seconds=5,
        )


@contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """A machine that runs as long as the block does."""
    assert PROGRAM is not None, "sshd is not installed"
    folder.mkdir(parents=True, exist_ok=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    descriptor = os.open(folder / "host_key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(key.export_private_key())
    (folder / "authorized_keys").touch()
    port = free_port()
    (folder / "sshd_config").write_text(_CONFIG.format(port=port, folder=folder))
    _make_privilege_folder()
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [PROGRAM, "-D", "-e", "-f", str(folder / "sshd_config")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait(port, process, folder)
        yield SshServer(port, folder, " ".join(key.export_public_key().decode().split()[:2]))
    finally:
        process.terminate()
        process.wait()


def _make_privilege_folder() -> None:
    """Debian's sshd wants its empty folder, which only its unit makes."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    import socket

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"sshd ended: {(folder / 'log.txt').read_text()}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("sshd did not start")
