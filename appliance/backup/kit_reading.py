"""Opening an encrypted backup with what its owner has kept: a kit, an identity, either under a passphrase."""

from __future__ import annotations

from typing import Final

from appliance.backup.errors import BackupError
from appliance.backup.keys import MOST_BYTES, Keys, keep_keys, parse_keys
from appliance.backup.layout import Stored
from appliance.backup.parts import open_backup

_BEGINNINGS: Final = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")


def keys_of(data: bytes, passphrase: str) -> Keys:
    """The keys in a kit, which may itself be encrypted by a passphrase, as `age -p` does it."""
    if len(data) > MOST_BYTES:
        raise BackupError("This is too large to be an emergency kit")
    plain = _decrypted(data, passphrase) if data.lstrip().startswith(_BEGINNINGS) else data
    try:
        return parse_keys(plain.decode("utf-8"))
    except UnicodeDecodeError as fault:
        raise BackupError("This is no emergency kit") from fault


def open_for_good(stored: Stored, data: bytes, passphrase: str) -> None:
    """Keep the keys of a kit that opens the backup; raises `BackupError` for one that does not."""
    given = keys_of(data, passphrase)
    open_backup(stored, given)
    keep_keys(given)


def _decrypted(data: bytes, passphrase: str) -> bytes:
    import pyrage

    if not passphrase:
        raise BackupError("The kit is encrypted: type its passphrase too")
    try:
        return bytes(pyrage.passphrase.decrypt(data.strip() + b"\n", passphrase))
    except pyrage.DecryptError as fault:
        raise BackupError("The passphrase does not open the kit") from fault
