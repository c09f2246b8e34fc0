"""The server's own name and signing key."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from django.conf import settings

from matrix_app.protocol.signing import SigningKey


class LocalIdentity(NamedTuple):
    """What events made here are signed with."""

    server_name: str
    signing_key: SigningKey


@lru_cache(maxsize=1)
def local_identity() -> LocalIdentity:
    """The name and the key of the configuration; they do not change while the process runs."""
    return LocalIdentity(settings.SERVER_NAME, settings.SIGNING_KEY_LOADER())
