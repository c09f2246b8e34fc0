"""An object store that speaks S3 as a place for backups."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Final, Self, TypeVar

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store as Bucket

from appliance.backup.age import Source
from appliance.backup.remote.store import TICK_SECONDS, RemoteError, RemoteFile, Tick
from appliance.config.sections.backup import BackupS3
from matrix_app.media.s3 import ObjectReader, bucket
from matrix_app.protocol.errors import StoreRefused, StoreUnavailable
from matrix_app.protocol.said import said

T = TypeVar("T")
_LIST_PAGE: Final = 1000
_READ_BYTES: Final = 1 << 18
_TOLD: Final = 300
# Errors as S3 writes them.
_SAID: Final = re.compile(r"<Code>(.*?)</Code>\s*<Message>(.*?)</Message>")


class S3Remote:
    """Files as objects of a bucket, below a prefix."""

    def __init__(self, title: str, config: BackupS3, tick: Tick) -> None:
        prefix = config.prefix.strip("/")
        self.title = title
        self._prefix = f"{prefix}/" if prefix else ""
        self._objects = _bucket(title, config)
        self._tick = tick
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="s3")

    def put(self, name: str, content: bytes) -> None:
        """Write an object; the store shows it when it has all of it."""
        self._told(lambda: obstore.put(self._objects, self._prefix + name, content, use_multipart=False))

    @contextmanager
    def get(self, name: str) -> Iterator[Source]:
        """An object, to be read once from its start; raises `FileNotFoundError`."""
        try:
            found = self._told(lambda: obstore.get(self._objects, self._prefix + name))
        except RemoteError as error:
            if isinstance(error.__cause__, NotFoundError | FileNotFoundError):
                raise FileNotFoundError(name) from error
            raise
        with ObjectReader(iter(found.stream(min_chunk_size=_READ_BYTES))) as reader:
            yield _Read(self, reader)

    def folders(self, name: str) -> list[str]:
        """The parts of names that come right after a prefix and before a slash."""
        below = self._prefix + (f"{name}/" if name else "")
        found = self._told(lambda: obstore.list_with_delimiter(self._objects, below or None))
        return [prefix.rstrip("/").rpartition("/")[2] for prefix in found["common_prefixes"]]

    def files(self, name: str) -> Iterator[RemoteFile]:
        """Every object below a prefix."""
        pages = iter(obstore.list(self._objects, f"{self._prefix}{name}/", chunk_size=_LIST_PAGE))
        while page := self._told(lambda: next(pages, None)):
            for entry in page:
                yield RemoteFile(entry["path"].removeprefix(self._prefix), entry["size"])

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        self._told(lambda: obstore.delete(self._objects, self._prefix + name))

    def _told(self, work: Callable[[], T]) -> T:
        """Do what waits for the network while `tick` is called, which may give up waiting."""
        future = self._sender.submit(work)
        while not wait([future], TICK_SECONDS).done:
            self._tick()
        try:
            return future.result()
        except (StoreRefused, StoreUnavailable) as error:
            raise RemoteError(
                said("{title}: {reason}", title=self.title, reason=_reason(error.__cause__ or error))
            ) from error
        except (BaseError, OSError) as error:
            raise RemoteError(said("{title}: {reason}", title=self.title, reason=_reason(error))) from error

    def close(self) -> None:
        """Let go of the thread; what it still sends is not waited for."""
        self._sender.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


class _Read:
    """An object as it arrives."""

    def __init__(self, remote: S3Remote, reader: ObjectReader) -> None:
        self._remote = remote
        self._reader = reader

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        return self._remote._told(lambda: self._reader.read(size))


def _bucket(title: str, config: BackupS3) -> Bucket:
    given = (config.access_key, config.secret_key) if config.access_key and config.secret_key else None
    try:
        return bucket(config, given)
    except (BaseError, OSError) as error:
        raise RemoteError(said("{title}: {reason}", title=title, reason=_reason(error))) from error


def _reason(error: BaseException) -> str:
    """What the store says, where it says something; else what the library does."""
    text = " ".join(str(error).split())
    if said := _SAID.search(text):
        text = f"{said[1]}: {said[2]}"
    return text if len(text) <= _TOLD else f"{text[:_TOLD]}..."
