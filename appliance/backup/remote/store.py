"""A place elsewhere in which files lie by name, whatever it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol, Self

from appliance.backup.age import Source
from appliance.backup.errors import BackupError
from appliance.config import get_config

# Called about every second while something is on its way; raises to end it.
Tick = Callable[[], None]
TICK_SECONDS: Final = 1.0


class RemoteError(BackupError):
    """A place elsewhere cannot be reached or refuses; the message says why."""


class RemoteFile(NamedTuple):
    """A file elsewhere, and its size in bytes."""

    name: str
    size: int


class RemoteStore(Protocol):
    """Files by names of letters, digits, `.`, `-`, `_` and `/`. All of it raises `RemoteError`."""

    # What people call the place: see `remote_title`.
    title: str

    def put(self, name: str, content: bytes) -> None:
        """Write a file, which is there in full afterwards, or not at all."""
        ...

    def get(self, name: str) -> AbstractContextManager[Source]:
        """A file, to be read once from its start; raises `FileNotFoundError`."""
        ...

    def folders(self, name: str) -> list[str]:
        """The names of the folders right below a folder; none when it is not there."""
        ...

    def files(self, name: str) -> Iterator[RemoteFile]:
        """Every file below a folder, however deep, by whole names, in no order."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_exc: object) -> None: ...


def is_configured() -> bool:
    """Whether backups are copied elsewhere."""
    return get_config().backup.remote != "none"


def remote_title() -> str:
    """What people call the place of the configuration, without secrets; empty for none."""
    settings = get_config().backup
    if settings.remote == "s3":
        return f"s3://{settings.s3.bucket}/{settings.s3.prefix.strip('/')}".rstrip("/")
    if settings.remote == "sftp":
        sftp = settings.sftp
        port = "" if sftp.port == 22 else f":{sftp.port}"
        return f"sftp://{sftp.user}@{sftp.host}{port}/{sftp.folder.strip('/')}"
    return ""


def open_store(tick: Tick) -> RemoteStore:
    """The place of the configuration. Nothing is sent before it is used."""
    settings = get_config().backup
    if settings.remote == "s3":
        from appliance.backup.remote.s3 import S3Remote

        return S3Remote(remote_title(), settings.s3, tick)
    if settings.remote == "sftp":
        from appliance.backup.remote.sftp import SftpRemote

        return SftpRemote(remote_title(), settings.sftp, tick)
    raise RemoteError("No place elsewhere is configured: set backup.remote")
