"""A backup as one file: made while it is read, unpacked by tar, taken apart again whatever was uploaded."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance import secrets
from appliance.backup import layout
from appliance.backup.errors import BackupError
from appliance.backup.layout import Stored, find_backup, stored_backups
from appliance.backup.make import make
from appliance.backup.manifest import FILE
from appliance.backup.single_file import SingleFile, entries
from appliance.backup.streams import copy
from appliance.backup.unpack import draft_of, new_unpacking, unpack, unpack_step
from appliance.backup.verify import verify
from appliance.config import Config
from appliance.config.current import use_config
from tests.factories.backups import place_of_its_own, quiet
from tests.factories.client import ClientFactory
from tests.factories.media import upload
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def here(config: Config, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Config]:
    place = place_of_its_own(config, tmp_path)
    with use_config(replace(place, backup=replace(place.backup, encrypt=request.param))) as changed:
        secrets.create_all()
        yield changed


@pytest.fixture
def made(here: Config, clients: ClientFactory) -> Stored:
    client = clients.make()
    upload(client, b"a picture")
    upload(client, bytes(5000))
    return make("test", quiet)


def written(stored: Stored, file: Path) -> Path:
    single = SingleFile(stored)
    with file.open("wb") as target:
        copy(single, target)
    assert file.stat().st_size == single.size
    return file


def emptied(here: Config) -> None:
    """The folder of backups of another machine."""
    shutil.rmtree(here.backup.dir)
    here.backup.dir.mkdir()


def test_it_comes_back_whole(here: Config, made: Stored, tmp_path: Path) -> None:
    file = written(made, tmp_path / "one.tar")
    emptied(here)
    again = unpack(file, quiet)
    assert again.manifest == made.manifest
    assert verify(again, quiet).faults == []
    assert unpack(file, quiet).manifest == made.manifest, "it is here already"
    assert [path.name for path in here.backup.dir.iterdir() if path.is_dir()].count(made.manifest.id) == 1
    assert not list(here.backup.dir.glob(".*.unpack"))


def test_tar_unpacks_it_in_the_folder_of_backups(here: Config, made: Stored, tmp_path: Path) -> None:
    file = written(made, tmp_path / "one.tar")
    emptied(here)
    subprocess.run(["tar", "-xf", str(file), "-C", str(here.backup.dir)], check=True)
    assert verify(find_backup(here.backup.dir, made.manifest.id), quiet).faults == []


def test_another_process_goes_on_where_one_ended(here: Config, made: Stored, tmp_path: Path) -> None:
    file = written(made, tmp_path / "one.tar")
    emptied(here)
    state = new_unpacking(file)
    steps = 0
    while not unpack_step(state, quiet, seconds=0):
        state = json.loads(json.dumps(state))
        assert stored_backups(here.backup.dir) == [], "half of it is no backup"
        steps += 1
    assert steps >= len(list(entries(made)))
    assert verify(find_backup(here.backup.dir, made.manifest.id), quiet).faults == []


def test_media_that_are_missing_are_left_out(here: Config, made: Stored, tmp_path: Path) -> None:
    first = next(path for path in (here.backup.dir / layout.POOL).rglob("*") if path.is_file())
    first.unlink()
    file = written(made, tmp_path / "one.tar")
    emptied(here)
    assert [fault.endswith("is missing") for fault in verify(unpack(file, quiet), quiet).faults] == [True]


def test_one_that_was_cut_off_is_refused(here: Config, made: Stored, tmp_path: Path) -> None:
    whole = written(made, tmp_path / "one.tar").read_bytes()
    emptied(here)
    for length in (0, 100, 5000, len(whole) // 2, len(whole) - 20_000):
        (tmp_path / "cut.tar").write_bytes(whole[:length])
        with pytest.raises(BackupError):
            unpack(tmp_path / "cut.tar", quiet)
        assert stored_backups(here.backup.dir) == []


def test_one_that_was_changed_is_refused(here: Config, made: Stored, tmp_path: Path) -> None:
    data = bytearray(written(made, tmp_path / "one.tar").read_bytes())
    at = data.index(f"{made.manifest.id}/files.tar".encode()) + 512 + 600
    data[at] ^= 1
    (tmp_path / "one.tar").write_bytes(data)
    emptied(here)
    with pytest.raises(BackupError, match="is damaged"):
        unpack(tmp_path / "one.tar", quiet)
    assert stored_backups(here.backup.dir) == []


def archive(*members: tuple[str, bytes], change: Callable[[tarfile.TarInfo], None] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as made:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if change:
                change(info)
            made.addfile(info, io.BytesIO(content))
    return out.getvalue()


def as_link(info: tarfile.TarInfo) -> None:
    info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0


@pytest.mark.parametrize("here", [False], indirect=True)
def test_what_is_no_backup_is_refused_and_writes_nothing_elsewhere(
    here: Config, made: Stored, tmp_path: Path
) -> None:
    id, manifest = made.manifest.id, (made.folder / FILE).read_bytes()
    first = (f"{id}/{FILE}", manifest)
    emptied(here)
    for content in (
        b"",
        b"x" * 10_000,
        bytes(10_240),
        archive(("x", b"y")),
        archive((f"../{FILE}", manifest)),
        archive((f"2020-01-01T000000Z/{FILE}", manifest)),
        archive((f"{id}/{FILE}", b"{}")),
        archive((f"{id}/{FILE}", b"x" * (5 << 20))),
        archive(first, (f"{id}/../../evil", b"x")),
        archive(first, (f"{id}/evil", b"x")),
        archive(first, (f"{id}/files.tar", b"x")),
        archive(first, ("pool/../../evil", b"x")),
        archive(first, ("pool//evil", b"x")),
        archive(first, ("pool/.evil", b"x")),
        archive(first, ("/tmp/evil", b"x")),
        archive(first, (f"pool/{'x' * 200}", b"x")),
        archive(first, (f"{id}/files.tar", b""), change=as_link),
        archive(first),
    ):
        (tmp_path / "x.tar").write_bytes(content)
        with pytest.raises(BackupError):
            unpack(tmp_path / "x.tar", quiet)
    assert stored_backups(here.backup.dir) == []
    assert not list(tmp_path.rglob("evil"))
    assert not Path("/tmp/evil").exists()


@pytest.mark.parametrize("here", [False], indirect=True)
def test_one_of_the_same_name_is_not_replaced(here: Config, made: Stored, tmp_path: Path) -> None:
    file = written(made, tmp_path / "one.tar")
    text = (made.folder / FILE).read_text()
    (made.folder / FILE).write_text(text.replace('"reason": "test"', '"reason": "page"'))
    with pytest.raises(BackupError, match="another backup of the name"):
        unpack(file, quiet)


@pytest.mark.parametrize("here", [False], indirect=True)
def test_what_was_begun_goes_when_nobody_goes_on(here: Config, made: Stored, tmp_path: Path) -> None:
    file = written(made, tmp_path / "one.tar")
    emptied(here)
    state = new_unpacking(file)
    unpack_step(state, quiet, seconds=0)
    draft = draft_of(here.backup.dir, state)
    assert draft.is_dir()
    os.utime(draft, (1, 1))
    make("test", quiet)
    assert not draft.exists()
    with pytest.raises(BackupError, match="has been removed"):
        unpack_step(state, quiet)


@pytest.mark.parametrize("here", [False], indirect=True)
def test_it_takes_little_memory(here: Config, clients: ClientFactory, tmp_path: Path) -> None:
    with settings(media={"max_upload_bytes": 1 << 30}):
        upload(clients.make(), bytes(64 << 20))
    stored = make("test", quiet)
    tracemalloc.start()
    file = written(stored, tmp_path / "one.tar")
    emptied(here)
    unpack(file, quiet)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20
