"""What every place elsewhere does: an object store by a server of it, SFTP by Debian's sshd."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from appliance.backup.errors import BackupCancelled
from appliance.backup.remote.pieces import PIECE_BYTES
from appliance.backup.remote.store import RemoteError, RemoteFile, RemoteStore, open_store
from appliance.config import Config
from appliance.config.current import use_config
from tests.factories.backups import no_tick
from tests.real_server import free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def store(here: Config) -> Iterator[RemoteStore]:
    with open_store(no_tick) as opened:
        yield opened


def read(store: RemoteStore, name: str, size: int = 70_000) -> bytes:
    with store.get(name) as source:
        return b"".join(iter(lambda: source.read(size), b""))


def test_what_is_written_is_read_again(store: RemoteStore) -> None:
    large = bytes(range(256)) * (PIECE_BYTES // 256)
    store.put("example.org/one/large", large)
    store.put("example.org/one/empty", b"")
    assert read(store, "example.org/one/large") == large
    assert read(store, "example.org/one/empty") == b""
    store.put("example.org/one/large", b"other")
    assert read(store, "example.org/one/large", 2) == b"other"


def test_what_is_not_there_is_told(store: RemoteStore) -> None:
    with pytest.raises(FileNotFoundError), store.get("example.org/nothing"):
        pass
    assert store.folders("") == []
    assert store.folders("example.org") == []
    assert list(store.files("example.org/pool")) == []
    store.remove("example.org/nothing")


def test_folders_and_files_are_listed(store: RemoteStore) -> None:
    for name in ("a/1/x", "a/1/y", "a/2/deep/er/z", "a/loose", "b/1/x"):
        store.put(name, name.encode())
    assert sorted(store.folders("")) == ["a", "b"]
    assert sorted(store.folders("a")) == ["1", "2"]
    assert sorted(store.files("a/2")) == [RemoteFile("a/2/deep/er/z", 13)]
    assert sorted(file.name for file in store.files("a")) == ["a/1/x", "a/1/y", "a/2/deep/er/z", "a/loose"]


def test_folders_go_with_the_last_of_what_is_in_them(store: RemoteStore) -> None:
    store.put("a/1/x", b"x")
    store.put("a/2/x", b"x")
    store.remove("a/1/x")
    assert store.folders("a") == ["2"]
    store.put("a/1/x", b"again")
    assert read(store, "a/1/x") == b"again"


def test_work_is_given_up_when_its_tick_says_so(here: Config) -> None:
    def cancel() -> None:
        raise BackupCancelled

    silent = free_port()

    async def never(_reader: object, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async def listening() -> None:
        server = await asyncio.start_server(never, "127.0.0.1", silent)
        async with server:
            await asyncio.to_thread(tried)

    def tried() -> None:
        backup = here.backup
        changed = replace(
            backup,
            s3=replace(backup.s3, endpoint=f"http://127.0.0.1:{silent}"),
            sftp=replace(backup.sftp, port=silent),
        )
        with (
            use_config(replace(here, backup=changed)),
            open_store(cancel) as store,
            pytest.raises(BackupCancelled),
        ):
            store.folders("")

    asyncio.run(listening())


def test_a_place_that_nobody_is_at_is_an_error_with_its_name(here: Config) -> None:
    backup, port = here.backup, free_port()
    changed = replace(
        backup,
        s3=replace(backup.s3, endpoint=f"http://127.0.0.1:{port}"),
        sftp=replace(backup.sftp, port=port),
    )
    with (
        use_config(replace(here, backup=changed)),
        open_store(no_tick) as store,
        pytest.raises(RemoteError) as raised,
    ):
        store.put("x", b"x")
    assert raised.value.message.startswith(store.title)
    assert "hidden-from-all" not in raised.value.message
