"""Faults in the settings of backups."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from appliance.config.errors import Problem
from matrix_app.protocol.said import said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.config.schema import Config
    from appliance.config.sections.backup import BackupS3, Sftp

_HOST_KEY: Final = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{40,}={0,2}")


def check_backups(config: Config) -> Iterator[Problem]:
    """What is wrong with keys of others, and with the place elsewhere."""
    backup = config.backup
    for text in backup.recipients:
        if not _is_recipient(text):
            yield Problem(
                "backup.recipients",
                said("{text} is not a public key of age, such as age1...", text=repr(text)),
            )
    yield from _s3(backup.s3, needed=backup.remote == "s3")
    yield from _sftp(backup.sftp, needed=backup.remote == "sftp")


def _is_recipient(text: str) -> bool:
    from appliance.backup.age import is_recipient

    return is_recipient(text)


def _s3(s3: BackupS3, *, needed: bool) -> Iterator[Problem]:
    if needed and not s3.bucket:
        yield Problem("backup.s3.bucket", "is needed when backup.remote is s3")
    if s3.endpoint and urlsplit(s3.endpoint).scheme not in ("http", "https"):
        yield Problem("backup.s3.endpoint", "must be an address such as https://s3.example.org")
    if bool(s3.access_key) != bool(s3.secret_key):
        yield Problem("backup.s3.secret_key", "and access_key are given together or not at all")
    if (s3.access_key_file is None) != (s3.secret_key_file is None):
        yield Problem("backup.s3.secret_key_file", "and access_key_file are given together or not at all")
    if s3.access_key and s3.access_key_file:
        yield Problem("backup.s3.access_key_file", "contradicts backup.s3.access_key; give one of them")


def _sftp(sftp: Sftp, *, needed: bool) -> Iterator[Problem]:
    for name in ("host", "user") if needed else ():
        if not getattr(sftp, name):
            yield Problem(f"backup.sftp.{name}", "is needed when backup.remote is sftp")
    if sftp.password and sftp.password_file:
        yield Problem("backup.sftp.password_file", "contradicts backup.sftp.password; give one of them")
    if sftp.host_key and not _HOST_KEY.fullmatch(sftp.host_key):
        yield Problem("backup.sftp.host_key", "must be a public key such as ssh-ed25519 AAAA...")
