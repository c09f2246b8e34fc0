"""Ed25519 signatures, and nothing else: to be imported where nothing else is needed."""

from __future__ import annotations

from nacl.bindings import crypto_sign_open
from nacl.exceptions import CryptoError


def is_signed(signature_and_message: bytes, verify_key: bytes) -> bool:
    """Whether the first 64 bytes are the signature on the others by the key, which has 32 bytes."""
    try:
        crypto_sign_open(signature_and_message, verify_key)
    except CryptoError:
        return False
    return True
