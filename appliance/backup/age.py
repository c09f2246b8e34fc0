"""Encryption in the format of age, as a stream: memory stays bounded however long a file is.

What is written here the program `age` decrypts, and the other way round.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from appliance.backup.errors import BackupError, WrongKey
from matrix_app.protocol.said import said

RECIPIENT: Final = "age1"
IDENTITY: Final = "AGE-SECRET-KEY-1"


class Target(Protocol):
    """What takes bytes."""

    def write(self, data: bytes, /) -> Any:
        """Take all of them."""
        ...


class Source(Protocol):
    """What gives bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many; none at the end."""
        ...


class _Kept(io.BufferedIOBase):
    """Hands reads and writes on, and remembers what went wrong: the library would only say that it did."""

    def __init__(self, source: Source | None = None, target: Target | None = None) -> None:
        self._source = source
        self._target = target
        self.fault: BaseException | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        """From the source."""
        assert self._source is not None
        return bytes(self._tried(lambda source: source.read(-1 if size is None else size), self._source))

    def write(self, data: Any, /) -> int:
        """To the target."""
        assert self._target is not None
        self._tried(lambda target: target.write(bytes(data)), self._target)
        return len(data)

    def _tried(self, work: Callable[[Any], Any], other: object) -> Any:
        try:
            return work(other)
        except BaseException as fault:
            self.fault = fault
            raise


def new_identity() -> str:
    """A new secret key, as `age-keygen` prints it."""
    from pyrage import x25519

    return str(x25519.Identity.generate())


def recipient_of(identity: str) -> str:
    """The public key of a secret one; raises `BackupError` when it is none."""
    from pyrage import IdentityError, x25519

    try:
        return str(x25519.Identity.from_str(identity).to_public())
    except IdentityError as fault:
        raise BackupError("This is not a key of a backup: it is damaged or incomplete") from fault


def is_recipient(text: str) -> bool:
    """Whether this is a public key that can be encrypted to."""
    from pyrage import RecipientError, x25519

    try:
        return bool(x25519.Recipient.from_str(text))
    except RecipientError:
        return False


def encrypt(source: Source, target: Target, recipients: Sequence[str]) -> None:
    """Encrypt a stream to public keys; what source and target raise comes out as it is."""
    from pyrage import EncryptError, encrypt_io, x25519

    given, taken = _Kept(source=source), _Kept(target=target)
    try:
        encrypt_io(given, taken, [x25519.Recipient.from_str(each) for each in recipients])
    except (EncryptError, OSError) as fault:
        raise given.fault or taken.fault or fault from None


def decrypt(source: Source, target: Target, identities: Sequence[str]) -> None:
    """Decrypt a stream with one of several secret keys.

    Raises `WrongKey` when none of them is right, `BackupError` when it is damaged; what was written until
    then is true as far as it goes.
    """
    from pyrage import DecryptError, decrypt_io, x25519

    given, taken = _Kept(source=source), _Kept(target=target)
    try:
        decrypt_io(given, taken, [x25519.Identity.from_str(each) for each in identities])
    except (DecryptError, OSError) as fault:
        if kept := given.fault or taken.fault:
            raise kept from None
        if "key" in str(fault):
            raise WrongKey("It is encrypted to another key") from None
        raise BackupError(said("It is damaged: {fault}", fault=fault)) from None
