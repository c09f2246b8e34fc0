"""Media that the schedule removes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from appliance.config import Config
from matrix_app import tasks
from matrix_app.media.folder import FolderStore
from matrix_app.media.store import media_store
from matrix_app.protocol.errors import StoreUnavailable
from matrix_app.protocol.ids import Mxc, ServerName
from matrix_app.services import fetches, remove_files
from matrix_app.services.deactivate import deactivate
from matrix_app.services.fetches import RemoteFile
from matrix_app.services.stray_media import remove_strays
from matrix_app.services.upload_media import reserve
from matrix_app.storage import db, media
from matrix_app.storage.clock import now_ms
from tests.factories import offline
from tests.factories.client import ClientFactory
from tests.factories.media import download, upload
from tests.factories.offline import OfflineMedia
from tests.factories.settings import settings
from tests.factories.tasks import run_tasks

DAY_MS = 24 * 3_600_000


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[OfflineMedia]:
    """Another server with files of a kilobyte."""
    fetches.fetches.cache_clear()
    made = OfflineMedia()
    for number in range(5):
        mxc = Mxc(ServerName("a.example"), f"m{number}")
        made.files[mxc] = (b"%d" % number * 1000, RemoteFile("text/plain", None))
    monkeypatch.setattr(offline, "media", made)
    yield made
    fetches.fetches.cache_clear()


def used_before(days: float, media_id: str) -> None:
    with db.write():
        sql = "UPDATE media SET last_used_ts = %s WHERE media_id = %s"
        assert db.changed(sql, (now_ms() - int(days * DAY_MS), media_id)) == 1


def left() -> set[str]:
    return {media_id for (media_id,) in db.rows("SELECT media_id FROM media")}


def test_media_of_other_servers_go_when_they_have_not_been_used_for_long(
    clients: ClientFactory, elsewhere: OfflineMedia
) -> None:
    alice = clients.make()
    mine = upload(alice, b"mine").partition("/")[2]
    for number in range(3):
        download(alice, f"a.example/m{number}")
    used_before(29, "m0")
    used_before(31, "m1")
    used_before(400, mine)
    tasks.evict_media()
    assert left() == {"m0", "m2", mine}
    with settings(media={"remote_days": 0}):
        used_before(400, "m0")
        tasks.evict_media()
    assert left() == {"m0", "m2", mine}
    with settings(media={"local_days": 365}):
        tasks.evict_media()
    assert left() == {"m2"}


def test_those_unused_for_longest_go_when_they_take_too_much_space(
    clients: ClientFactory, elsewhere: OfflineMedia
) -> None:
    alice = clients.make()
    for number in range(5):
        download(alice, f"a.example/m{number}")
        used_before(5 - number, f"m{number}")
    with settings(media={"remote_total_bytes": 2500}):
        tasks.evict_media()
        assert left() == {"m3", "m4"}
        tasks.evict_media()
    assert left() == {"m3", "m4"}


def test_what_was_announced_and_not_uploaded_goes(clients: ClientFactory) -> None:
    alice = clients.make()
    late, waiting = reserve(alice.requester).mxc, reserve(alice.requester).mxc
    with db.write():
        db.execute("UPDATE media SET expires_ts = 5 WHERE media_id = %s", (late.media_id,))
    tasks.evict_media()
    assert left() == {waiting.media_id}


def test_what_the_store_cannot_remove_now_it_removes_later(
    clients: ClientFactory, elsewhere: OfflineMedia, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = clients.make()
    download(alice, "a.example/m0")
    location = str(db.value("SELECT location FROM media_file"))
    used_before(31, "m0")

    class Broken:
        def delete(self, location: str) -> None:
            raise StoreUnavailable("The media store cannot be reached")

    with monkeypatch.context() as broken:
        broken.setattr(remove_files, "media_store", Broken)
        tasks.evict_media()
    assert left() == set()
    assert media_store().size(location) == 1000
    tasks.evict_media()
    assert media_store().size(location) is None
    assert db.value("SELECT count(*) FROM media_removal") == 0


def test_files_that_nothing_refers_to_go_after_a_day(clients: ClientFactory, config: Config) -> None:
    place = upload(clients.make(), b"kept")
    old, young = config.media.dir / "content" / "zz" / "old", config.media.dir / "content" / "aa" / "young"
    for path in (old, young):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"stray")
    before = time.time() - 25 * 3600
    os.utime(old, (before, before))
    kept = config.media.dir / str(db.value("SELECT location FROM media_file"))
    os.utime(kept, (before, before))
    tasks.remove_stray_media()
    assert not old.exists()
    assert young.exists()
    assert download(clients.make(), place).content == b"kept"
    young.unlink()


def test_strays_are_counted(tmp_path: object, clients: ClientFactory, config: Config) -> None:
    upload(clients.make(), b"something")
    remove_strays(older_than_ms=-60_000)
    stray = config.media.dir / "content" / "stray"
    stray.write_bytes(b"12345")
    assert remove_strays(older_than_ms=-60_000) == (1, 5)
    assert isinstance(media_store(), FolderStore)


@pytest.mark.parametrize("erases", [True, False])
def test_files_of_an_erased_account_go_when_the_configuration_says_so(
    clients: ClientFactory, erases: bool
) -> None:
    alice = clients.make()
    upload(alice, b"mine")
    reserve(alice.requester)
    with settings(media={"erase_with_account": erases}):
        deactivate(alice.user_id, alice.requester.user_nid, erase=True)
        run_tasks()
    assert len(left()) == (0 if erases else 2)


def test_sizes_that_an_older_version_did_not_note_are_noted(clients: ClientFactory) -> None:
    alice = clients.make("alice")
    upload(alice, b"x" * 700, "text/plain")
    assert media.used_bytes(alice.requester.user_nid) == 700
    with db.write():
        db.execute("UPDATE media SET size = NULL")
    assert media.used_bytes(alice.requester.user_nid) == 0
    tasks.evict_media()
    assert media.used_bytes(alice.requester.user_nid) == 700
