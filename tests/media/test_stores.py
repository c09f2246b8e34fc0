"""What every store of media does: a folder, and an object store that speaks S3."""

from __future__ import annotations

import hashlib
import io
import secrets
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from msgspec.structs import replace

from appliance.config.sections.media import S3
from matrix_app.media.folder import FolderStore
from matrix_app.media.s3 import PART_BYTES, S3Store, bucket
from matrix_app.media.store import MediaStore, new_location
from matrix_app.protocol.errors import StoreRefused, StoreUnavailable
from matrix_app.services.copy_media import Copied, copy_some
from matrix_app.storage import db, media_files
from tests.factories.http_service import http_service
from tests.factories.s3_server import S3Server, keys_in, s3_server
from tests.real_server import free_port

MIB = 1 << 20


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """The object store of all tests."""
    with s3_server() as server:
        yield server


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    """A store with nothing in it."""
    if request.param == "folder":
        return FolderStore(tmp_path / "media")
    server: S3Server = request.getfixturevalue("s3")
    return object_store(server, tmp_path)


def object_store(server: S3Server, folder: Path, prefix: str = "hearth/media") -> S3Store:
    return S3Store(bucket(server.config(folder, f"b-{secrets.token_hex(8)}", prefix)), prefix, folder)


def kept(store: MediaStore, content: bytes, location: str | None = None) -> str:
    staged = store.stage(io.BytesIO(content), location or new_location("content"))
    assert (staged.digest, staged.size) == (hashlib.sha256(content).digest(), len(content))
    staged.keep()
    return staged.location


def read(file: IO[bytes]) -> bytes:
    with file:
        return b"".join(iter(lambda: file.read(70_000), b""))


@pytest.mark.parametrize("size", [0, 1, 100_000, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 12_345])
def test_what_is_kept_is_read_again(store: MediaStore, size: int) -> None:
    content = secrets.token_bytes(size)
    location = kept(store, content)
    assert read(store.open(location)) == content
    assert store.size(location) == size
    with store.local(location) as file:
        assert file.fileno() > 0
        assert file.read() == content


def test_parts_are_read_without_the_rest(store: MediaStore) -> None:
    content = secrets.token_bytes(3 * MIB)
    location = kept(store, content)
    assert read(store.open(location, 10, 20)) == content[10:30]
    assert read(store.open(location, 2 * MIB)) == content[2 * MIB :]
    assert read(store.open(location, 3 * MIB - 5, 5)) == content[-5:]
    assert read(store.open(location, 7, 0)) == b""
    with store.open(location, 5, 1000) as file:
        assert (file.read(10), file.read(10)) == (content[5:15], content[15:25])


def test_a_file_is_staged_from_where_it_is_read(store: MediaStore) -> None:
    source = io.BytesIO(b"headcontent")
    source.seek(4)
    staged = store.stage(source, new_location("content"))
    staged.keep()
    assert read(store.open(staged.location)) == b"content"


def test_what_is_discarded_is_gone(store: MediaStore) -> None:
    staged = store.stage(io.BytesIO(b"abc"), new_location("content"))
    staged.discard()
    staged.discard()
    assert list(store.files()) == []


def test_what_is_deleted_is_gone_and_may_be_deleted_again(store: MediaStore) -> None:
    location, other = kept(store, b"abc"), kept(store, b"def")
    store.delete(location)
    store.delete(location)
    store.delete("content/never/was")
    assert [file.location for file in store.files()] == [other]
    assert store.size(location) is None
    with pytest.raises(FileNotFoundError):
        store.open(location)
    with pytest.raises(FileNotFoundError), store.local(location):
        pass


def test_all_files_are_listed(store: MediaStore) -> None:
    placed = {kept(store, b"x" * size): size for size in range(5)}
    found = {file.location: file.size for file in store.files()}
    assert found == placed
    assert all(file.written_ts > 1_700_000_000_000 for file in store.files())


def test_a_large_file_passes_with_little_memory(store: MediaStore) -> None:
    class Zeroes(io.RawIOBase):
        """As large as it says, and nowhere."""

        def __init__(self, size: int) -> None:
            self.size, self.place = size, 0

        def read(self, size: int = -1) -> bytes:
            length = max(0, min(size if size >= 0 else self.size, self.size - self.place))
            self.place += length
            return bytes(length)

        def tell(self) -> int:
            return self.place

        def seek(self, place: int, whence: int = 0) -> int:
            self.place = place
            return place

    tracemalloc.start()
    staged = store.stage(Zeroes(64 * MIB), new_location("content"))  # type: ignore[arg-type]
    staged.keep()
    with store.open(staged.location) as file:
        assert sum(len(chunk) for chunk in iter(lambda: file.read(MIB), b"")) == 64 * MIB
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 * MIB


def test_a_source_that_fails_leaves_nothing(store: MediaStore) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.stage(Broken(b"abc"), new_location("content"))
    assert list(store.files()) == []


@pytest.mark.slow
def test_a_store_that_cannot_be_reached_is_said_to_be(s3: S3Server, tmp_path: Path) -> None:
    config = s3.config(tmp_path, "gone")
    nowhere = S3Server(free_port())
    lost = replace(config, endpoint=f"http://127.0.0.1:{nowhere.port}", timeout_seconds=1)
    store = S3Store(bucket(lost), "", tmp_path)
    with pytest.raises(StoreUnavailable) as caught:
        store.stage(io.BytesIO(b"abc"), "x")
    assert caught.value.status == 503
    with pytest.raises(StoreUnavailable):
        store.open("x")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_media_are_copied_from_one_store_to_the_other(s3: S3Server, tmp_path: Path) -> None:
    folder, objects = FolderStore(tmp_path / "media"), object_store(s3, tmp_path)
    locations = sorted(kept(folder, secrets.token_bytes(100)) for _ in range(50))
    with db.write():
        for number, location in enumerate(locations):
            media_files.lock(bytes([number]) * 32, 100, 0, location)
    folder.delete(locations[3])
    kept(objects, read(folder.open(locations[0])), locations[0])
    state: Copied | None = Copied("", 0, 0)
    last = state
    while state is not None:
        last, state = state, copy_some(folder, objects, state)
    assert last == Copied(locations[-1], 48, 1)
    assert read(objects.open(locations[-1])) == read(folder.open(locations[-1]))
    assert len(list(objects.files())) == 49


def test_a_store_that_does_not_let_the_server_in_is_said_to_refuse(tmp_path: Path) -> None:
    with http_service(b"<Error><Code>AccessDenied</Code></Error>") as service:
        service.status = 403
        config = S3(endpoint=service.address, bucket="b", timeout_seconds=2, **keys_in(tmp_path))
        store = S3Store(bucket(config), "", tmp_path)
        with pytest.raises(StoreRefused) as caught:
            store.stage(io.BytesIO(b"abc"), "x")
    assert caught.value.status == 502
