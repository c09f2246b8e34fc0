"""The files of a backup as they are written and read: plain, or encrypted under a name that ends in .age."""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.backup import age, keys
from appliance.backup.age import Source, Target
from appliance.backup.errors import BackupError, WrongKey
from appliance.backup.layout import Stored
from appliance.backup.manifest import FILE, Encryption, proven_content
from appliance.backup.streams import copy
from matrix_app.protocol.said import said

if TYPE_CHECKING:
    from appliance.backup.keys import Keys, Seal

SUFFIX: Final = ".age"
FACTS: Final = "facts.json"
FORGED: Final = said("its manifest was not written by who has its key: somebody has changed it, or made it")


def write_part(folder: Path, name: str, source: Source, seal: Seal | None) -> Path:
    """Write a part from a source to its end, onto the disk; encrypted where there is a seal."""
    file = folder / (f"{name}{SUFFIX}" if seal else name)
    write_file(file, source, seal)
    return file


def write_file(file: Path, source: Source, seal: Seal | None) -> None:
    """Write a file from a source to its end, onto the disk; encrypted where there is a seal."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
        if seal is None:
            copy(source, target)
        else:
            age.encrypt(source, target, seal.recipients)
        target.flush()
        os.fsync(target.fileno())


class OpenBackup:
    """A backup whose parts can be read, whatever they are at rest. Made by `open_backup`."""

    def __init__(self, stored: Stored, identities: tuple[str, ...]) -> None:
        self.stored = stored
        self.manifest = stored.manifest
        self._identities = identities

    @property
    def is_sealed(self) -> bool:
        """Whether it is encrypted."""
        return self.manifest.encryption is not None

    @property
    def database(self) -> str:
        """The name of the part with the database, in plain."""
        found = next((name for name in self.manifest.parts if name.startswith("database.")), None)
        if found is None:
            raise BackupError("The backup has no database")
        return found.removesuffix(SUFFIX)

    @property
    def is_proven(self) -> bool:
        """Whether the key at hand shows that the server itself made this backup. Only its own key can."""
        encryption = self.manifest.encryption
        return encryption is not None and self._key_of(encryption) is not None and not self.is_forged

    @property
    def is_forged(self) -> bool:
        """Whether the key at hand shows that somebody else wrote the manifest, or changed it."""
        encryption = self.manifest.encryption
        identity = encryption and self._key_of(encryption)
        if encryption is None or not identity:
            return False
        content = proven_content((self.stored.folder / FILE).read_bytes())
        return not hmac.compare_digest(keys.proof_of(identity, content), encryption.proof)

    def _key_of(self, encryption: Encryption) -> str | None:
        """The server's own key, if it is at hand."""
        return next((each for each in self._identities if keys.name_of(each) == encryption.key), None)

    def pour(self, name: str, target: Target) -> None:
        """Write a part in plain into a target; raises `BackupError` when it is damaged or not there."""
        self.pour_file(self.stored.folder / (f"{name}{SUFFIX}" if self.is_sealed else name), target)

    def pour_file(self, file: Path, target: Target) -> None:
        """As `pour`, for any file that belongs to the backup."""
        try:
            with file.open("rb") as source:
                self.pour_from(source, target)
        except FileNotFoundError as fault:
            raise BackupError(said("{file} is missing", file=file)) from fault

    def pour_from(self, source: Source, target: Target) -> None:
        """As `pour`, from where a file that belongs to the backup is read."""
        if self.is_sealed:
            age.decrypt(source, target, self._identities)
        else:
            copy(source, target)


def open_backup(stored: Stored, given: Keys | None = None) -> OpenBackup:
    """Open a backup with the keys that were given, or with the server's own where it is encrypted.

    Raises `WrongKey` when none of them opens it.
    """
    encryption = stored.manifest.encryption
    if encryption is None:
        if given is not None:
            raise BackupError(
                said(
                    "The backup {id} is not encrypted, so no kit belongs to it:"
                    " leave the kit out if this is the one you mean",
                    id=stored.manifest.id,
                )
            )
        return OpenBackup(stored, ())
    identities = (given or keys.own_keys()).identities
    opened = OpenBackup(stored, identities)
    try:
        if not identities:
            raise WrongKey("")
        opened.pour(FACTS, _Nothing())
    except WrongKey:
        raise WrongKey(
            said(
                "The backup {id} is encrypted to the key {key}, which is not {what}:"
                " give its emergency kit (--kit)",
                id=stored.manifest.id,
                key=encryption.key,
                what=said("the one that was given") if given else said("on this machine"),
            )
        ) from None
    return opened


class _Nothing:
    """A target that keeps nothing."""

    def write(self, data: bytes, /) -> int:
        """Take it."""
        return len(data)
