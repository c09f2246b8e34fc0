"""Secrets of this server: files that are made once, readable by Hearth alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config import get_config

if TYPE_CHECKING:
    from collections.abc import Callable

DIRECTORY_MODE = 0o700
FILE_MODE = 0o640


def read_or_create(file: Path, make: Callable[[], str]) -> str:
    """The content of the file; when there is none, one is made with what `make` returns.

    Safe when several processes start at once: all of them return what the first one wrote.
    """
    if not file.exists():
        _create(file, make())
    return file.read_text(encoding="utf-8").strip()


def _create(file: Path, content: str) -> None:
    """Writes beside the file and links into place, so that nobody reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=DIRECTORY_MODE)
    draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    try:
        file.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _named(name: str) -> str:
    return read_or_create(get_config().server.secrets_dir / name, lambda: secrets.token_urlsafe(48))


def django_secret_key() -> str:
    """What Django signs with: task rows and cookies."""
    return _named("django_secret_key")


def token_pepper() -> bytes:
    """Mixed into the hashes of access tokens, so that a stolen database alone opens nothing."""
    return _named("token_pepper").encode()


def sealing_key() -> str:
    """What secrets that must be in the database, such as those of authenticator apps, are sealed with."""
    return _named("sealing_key")


def registration_shared_secret() -> str:
    """What programs on this machine prove to know when they make accounts."""
    return read_or_create(get_config().registration.shared_secret_file, lambda: secrets.token_urlsafe(48))


def signing_key_text() -> str:
    """The line `ed25519 ID SEED` that holds the key with which this server signs."""
    return read_or_create(get_config().federation.signing_key_file, _new_signing_key)


def _new_signing_key() -> str:
    from base64 import b64encode

    seed = b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    return f"ed25519 a_{secrets.token_hex(3)} {seed}"


def create_all() -> None:
    """Makes every secret that is missing."""
    for read in (django_secret_key, token_pepper, sealing_key, registration_shared_secret, signing_key_text):
        read()


def missing() -> list[Path]:
    """The files of secrets that `create_all` would make."""
    config = get_config()
    names = ("django_secret_key", "token_pepper", "sealing_key")
    files = [
        *(config.server.secrets_dir / name for name in names),
        config.registration.shared_secret_file,
        config.federation.signing_key_file,
    ]
    return [file for file in files if not file.exists()]
