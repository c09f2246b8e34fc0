"""The keys of encrypted backups.

Hearth makes one and keeps it among its secrets, so that it can verify by itself and restore on the same
machine. Keys that were in use before stay beside it: backups of their time are opened with them.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from appliance import secrets
from appliance.backup import age
from appliance.backup.errors import BackupError
from appliance.config import Config, get_config
from matrix_app.protocol.said import said

FILE: Final = "backup.key"
_OLD: Final = "backup-{}.key"
MOST_BYTES: Final = 65_536


class Keys(NamedTuple):
    """Secret keys that open backups; the first is the one in use."""

    identities: tuple[str, ...]


class Seal(NamedTuple):
    """How backups are encrypted: with which key of one's own, and to which others besides."""

    identity: str
    others: tuple[str, ...]

    @property
    def recipients(self) -> list[str]:
        """The public keys of all who can open what is sealed."""
        return [age.recipient_of(self.identity), *self.others]

    @property
    def key(self) -> str:
        """The short name of its key."""
        return name_of(self.identity)

    @property
    def mark(self) -> str:
        """What differs when any of the keys does. It tells nothing of them."""
        return _derived(self.identity, "recipients", *sorted(self.others))[:16]

    def pool_name(self, location: str) -> str:
        """The name of a file of media in the pool: it tells nothing of the file, and differs by the keys."""
        text = _derived(self.identity, "media", *sorted(self.others), location)
        return f"sealed/{text[:2]}/{text[2:40]}"


def _derived(identity: str, purpose: str, *texts: str) -> str:
    message = "\0".join(("hearth backup", purpose, *texts)).encode()
    return hmac.new(identity.encode(), message, hashlib.sha256).hexdigest()


def name_of(identity: str) -> str:
    """The short name of a key, by which a person tells which kit belongs to a backup."""
    return hashlib.sha256(age.recipient_of(identity).encode()).hexdigest()[:16]


def proof_of(identity: str, content: bytes) -> str:
    """What only who has the key can make of a content."""
    return hmac.new(identity.encode(), b"hearth backup manifest\0" + content, hashlib.sha256).hexdigest()


def present_seal(config: Config | None = None) -> Seal | None:
    """How backups are encrypted by the configuration, with a key that is made when missing; None for not."""
    backup = (config or get_config()).backup
    return Seal(own_key(), tuple(dict.fromkeys(backup.recipients))) if backup.encrypt else None


def _folder() -> Path:
    return get_config().server.secrets_dir


def own_key() -> str:
    """The server's key, which is made when it is missing."""
    return secrets.read_or_create(_folder() / FILE, age.new_identity)


def own_keys() -> Keys:
    """All keys of this server that there are; none when it never had one."""
    files = [_folder() / FILE, *sorted(_folder().glob(_OLD.format("*")))]
    found = [file.read_text(encoding="utf-8").strip() for file in files if file.is_file()]
    return Keys(tuple(dict.fromkeys(found)))


def keep_keys(kept: Keys) -> None:
    """Have keys among those that were in use before."""
    for identity in kept.identities:
        secrets.read_or_create(_folder() / _OLD.format(name_of(identity)), partial(str, identity))


def renew_key() -> str:
    """Make a new key for backups from now on; the one before stays for those that there are."""
    file = _folder() / FILE
    if file.is_file():
        keep_keys(Keys((own_key(),)))
        draft = file.with_name(f".{FILE}.new")
        draft.unlink(missing_ok=True)
        secrets.read_or_create(draft, age.new_identity)
        draft.replace(file)
    return own_key()


def parse_keys(text: str) -> Keys:
    """The keys in a kit, or in any file with identities of age; raises `BackupError` when there is none."""
    lines = [line.strip().upper() for line in text.splitlines()]
    found = tuple(line for line in lines if line.startswith(age.IDENTITY))
    if not found:
        raise BackupError("There is no key in it: it has a line that begins with AGE-SECRET-KEY-1")
    for identity in found:
        age.recipient_of(identity)
    return Keys(found)


def read_keys(file: Path) -> Keys:
    """The keys in a file; raises `BackupError`."""
    try:
        with file.open(encoding="utf-8") as stream:
            return parse_keys(stream.read(MOST_BYTES))
    except PermissionError:
        raise  # whoever started the command is told which user may
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is no text"
        raise BackupError(said("The kit {file} cannot be read: {why}", file=file, why=why)) from fault
