"""The key of the machine that is reached by SSH: looked at before anything else, and never taken unseen."""

from __future__ import annotations

import asyncio

import asyncssh

from appliance.backup.remote.store import RemoteError
from appliance.config.sections.backup import Sftp
from matrix_app.protocol.said import said


class UnknownHost(RemoteError):
    """Nobody has said yet which key the machine must have."""


class ChangedHost(RemoteError):
    """The machine has another key than the one that somebody has confirmed."""


def present_host_key(config: Sftp) -> str:
    """The public key that the machine shows now, as a line; raises `RemoteError`. Nobody signs in for it."""
    try:
        key = asyncio.run(_asked(config))
    except (asyncssh.Error, OSError) as error:
        raise RemoteError(
            said("{host}: {error}", host=config.host, error=error or said("no answer in time"))
        ) from error
    if key is None:
        raise RemoteError(said("{host} shows no key", host=config.host))
    return _line(key)


async def _asked(config: Sftp) -> asyncssh.SSHKey | None:
    async with asyncio.timeout(config.timeout_seconds):
        return await asyncssh.get_server_host_key(config.host, config.port, config=None)


def _line(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key().decode().split()[:2])


def parse_host_key(text: str) -> asyncssh.SSHKey:
    """A public key from its line; raises `RemoteError` when it is none."""
    try:
        return asyncssh.import_public_key(text)
    except (asyncssh.KeyImportError, ValueError) as error:
        raise RemoteError(
            said("{text} is not a public key such as ssh-ed25519 AAAA...", text=repr(text[:40]))
        ) from error


def fingerprint(text: str) -> str:
    """What a person compares: SHA256:... of a public key."""
    return str(parse_host_key(text).get_fingerprint())


def signatures_of(key: asyncssh.SSHKey) -> list[str]:
    """How a machine may show that it has a key: by nothing that is broken."""
    names = [name.decode() for name in key.sig_algorithms]
    return [name for name in names if name != "ssh-rsa" and not name.endswith("@ssh.com")]
