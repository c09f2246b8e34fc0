"""The server's own name and signing key."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from appliance.config import get_config
from appliance.secrets import signing_key_text
from matrix_app.protocol.signing import SigningKey


class LocalIdentity(NamedTuple):
    """What events made here are signed with."""

    server_name: str
    signing_key: SigningKey


@lru_cache(maxsize=1)
def local_identity() -> LocalIdentity:
    """The name and the key of the configuration; they do not change while the process runs."""
    return LocalIdentity(get_config().server.name, SigningKey.from_text(signing_key_text()))
