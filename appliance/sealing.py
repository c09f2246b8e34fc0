"""Sealing small secrets that must be stored in the database, with a key that is not in it."""

from __future__ import annotations

from nacl.encoding import RawEncoder
from nacl.exceptions import CryptoError
from nacl.hash import blake2b
from nacl.secret import SecretBox

from appliance.secrets import sealing_key


class UnsealError(Exception):
    """What was sealed cannot be opened: the key in the secrets folder is another one."""


def _box() -> SecretBox:
    return SecretBox(blake2b(sealing_key().encode(), digest_size=SecretBox.KEY_SIZE, encoder=RawEncoder))


def seal(secret: bytes) -> bytes:
    """The secret, encrypted and authenticated."""
    return bytes(_box().encrypt(secret))


def unseal(sealed: bytes) -> bytes:
    """What was sealed; raises `UnsealError` when it was changed, or sealed with another key."""
    try:
        return _box().decrypt(sealed)
    except CryptoError as fault:
        raise UnsealError("the key of sealed secrets does not fit") from fault
