"""The key with which Hearth signs in elsewhere; its public part is for the account there."""

from __future__ import annotations

from typing import Final

import asyncssh

from appliance import secrets
from appliance.config import get_config

FILE: Final = "backup_ssh.key"


def private_key() -> asyncssh.SSHKey:
    """The key, which is made when it is missing."""
    text = secrets.read_or_create(get_config().server.secrets_dir / FILE, _new)
    return asyncssh.import_private_key(text)


def _new() -> str:
    return asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode().strip()


def public_key() -> str:
    """The line for `authorized_keys`."""
    line = private_key().export_public_key().decode().split()
    return f"{line[0]} {line[1]} hearth-backup@{get_config().server.name}"
