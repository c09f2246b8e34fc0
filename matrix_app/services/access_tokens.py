"""Access tokens as text and as the hash that is stored."""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache

from appliance.secrets import token_pepper


@lru_cache(maxsize=1)
def _pepper() -> bytes:
    return token_pepper()


def hash_token(token: str) -> bytes:
    """What is stored of a token: SHA-256, keyed with a secret that is not in the database."""
    return hashlib.sha256(_pepper() + token.encode("utf-8", "surrogateescape")).digest()


def new_token(prefix: str) -> str:
    """A token of 256 random bits; the prefix tells people and scanners what it is."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"
