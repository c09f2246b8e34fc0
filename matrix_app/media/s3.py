"""An object store that speaks S3 as a store of media."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Final

import obstore
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store as Bucket

from appliance.config.sections.media import S3
from matrix_app.media.store import StoredFile
from matrix_app.protocol.errors import StoreRefused, StoreUnavailable

# Large files go up in parts of so many bytes, so many at once.
PART_BYTES: Final = 8 << 20
PARTS_AT_ONCE: Final = 2
_READ_BYTES: Final = 1 << 18
_COPY_BYTES: Final = 1 << 20
_LIST_PAGE: Final = 1000


def bucket(config: S3, given: tuple[str, str] | None = None) -> Bucket:
    """The bucket of the configuration, opened by keys that are given or in files. Nothing is sent yet."""
    keys: dict[str, Any] = {}
    if given is not None:
        keys["access_key_id"], keys["secret_access_key"] = given
    elif config.access_key_file is not None and config.secret_key_file is not None:
        keys["access_key_id"] = config.access_key_file.read_text(encoding="utf-8").strip()
        keys["secret_access_key"] = config.secret_key_file.read_text(encoding="utf-8").strip()
    return Bucket(
        config.bucket,
        endpoint=config.endpoint or None,
        region=config.region,
        virtual_hosted_style_request=not config.path_style,
        client_options={
            "allow_http": config.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=config.timeout_seconds),
            "timeout": timedelta(seconds=config.timeout_seconds * 10),
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=config.timeout_seconds)},
        **keys,
    )


@contextmanager
def _faults() -> Iterator[None]:
    """Errors of the library as those of this server."""
    try:
        yield
    except FileNotFoundError:
        raise
    except NotFoundError as error:
        raise FileNotFoundError(str(error)) from error
    except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
        raise StoreRefused("The media store refuses this server") from error
    except (BaseError, OSError) as error:
        raise StoreUnavailable("The media store cannot be reached") from error


class S3Store:
    """Keeps files in a bucket, below a prefix. Parts of files are read without the rest."""

    def __init__(self, objects: Bucket, prefix: str, scratch: Path) -> None:
        self._objects = objects
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._scratch = scratch

    def stage(self, source: IO[bytes], location: str) -> StagedObject:
        """Hash a file, and send it to where it is to be."""
        begin = source.tell()
        hashed, size = hashlib.sha256(), 0
        while chunk := source.read(_COPY_BYTES):
            hashed.update(chunk)
            size += len(chunk)
        source.seek(begin)
        with _faults():
            self._put(source, size, self._prefix + location)
        return StagedObject(self, location, hashed.digest(), size)

    def _put(self, source: IO[bytes], size: int, name: str) -> None:
        if size <= PART_BYTES:
            obstore.put(self._objects, name, source.read(), use_multipart=False)
            return
        parts = iter(lambda: source.read(_COPY_BYTES), b"")
        obstore.put(
            self._objects,
            name,
            parts,
            use_multipart=True,
            chunk_size=PART_BYTES,
            max_concurrency=PARTS_AT_ONCE,
        )

    def open(self, location: str, offset: int = 0, length: int | None = None) -> IO[bytes]:
        """A part of an object, fetched as it is read; raises `FileNotFoundError`."""
        if length == 0:
            return io.BytesIO()
        options: Any = {}
        if length is not None:
            options = {"range": (offset, offset + length)}
        elif offset:
            options = {"range": {"offset": offset}}
        with _faults():
            found = obstore.get(self._objects, self._prefix + location, options=options)
            return ObjectReader(iter(found.stream(min_chunk_size=_READ_BYTES)))

    @contextmanager
    def local(self, location: str) -> Iterator[IO[bytes]]:
        """A copy of an object in a temporary file; raises `FileNotFoundError`."""
        with self.open(location) as source, tempfile.TemporaryFile(dir=self._scratch) as copy:
            while chunk := source.read(_COPY_BYTES):
                copy.write(chunk)
            copy.seek(0)
            yield copy

    def size(self, location: str) -> int | None:
        """The size of an object in bytes; None when it is not there."""
        try:
            with _faults():
                return obstore.head(self._objects, self._prefix + location)["size"]
        except FileNotFoundError:
            return None

    def delete(self, location: str) -> None:
        """Remove an object, if it is there."""
        try:
            with _faults():
                obstore.delete(self._objects, self._prefix + location)
        except FileNotFoundError:
            return

    def files(self) -> Iterator[StoredFile]:
        """Every object below the prefix."""
        with _faults():
            for page in obstore.list(self._objects, self._prefix or None, chunk_size=_LIST_PAGE):
                for entry in page:
                    written = int(entry["last_modified"].timestamp() * 1000)
                    yield StoredFile(entry["path"].removeprefix(self._prefix), entry["size"], written)


class StagedObject:
    """An object that has been sent."""

    def __init__(self, store: S3Store, location: str, digest: bytes, size: int) -> None:
        self._store = store
        self.is_kept = False
        self.location = location
        self.digest = digest
        self.size = size

    def keep(self) -> None:
        """Let the object stay."""
        self.is_kept = True

    def discard(self) -> None:
        """Remove the object."""
        self._store.delete(self.location)


class ObjectReader(io.RawIOBase, IO[bytes]):
    """An object's bytes as they arrive."""

    def __init__(self, parts: Iterator[Any]) -> None:
        super().__init__()
        self._parts: Iterator[Any] | None = parts
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_READ_BYTES), b""))
        if not self._rest and self._parts is not None:
            with _faults():
                self._rest = memoryview(next(self._parts, b""))
        chunk, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return chunk

    def close(self) -> None:
        """Let go of the connection."""
        self._parts = None
        super().close()
