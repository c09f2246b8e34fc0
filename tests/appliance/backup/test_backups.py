"""Making, verifying, keeping and restoring backups, in one process."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from appliance import secrets
from appliance.backup import layout, media_list, media_pool
from appliance.backup.errors import BackupCancelled, BackupError
from appliance.backup.layout import find_backup, stored_backups
from appliance.backup.make import make, new_state, step
from appliance.backup.manifest import Manifest, sentences_of
from appliance.backup.restore import finish, put_in_place
from appliance.backup.retention import to_keep
from appliance.backup.verify import new_verification, verify, verify_step
from appliance.config import Config
from appliance.config.current import use_config
from appliance.config.sections.backup import Backup
from appliance.restoring import UNFINISHED, refuse_unfinished
from appliance.schema import SchemaRefused
from matrix_app.media.store import media_store
from matrix_app.storage import db
from tests.factories.backups import file_of_media, other_place, place_of_its_own, quiet
from tests.factories.client import ClientFactory
from tests.factories.media import upload

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def here(config: Config, tmp_path: Path) -> Config:
    """The configuration of all tests with folders of this test's own."""
    return place_of_its_own(config, tmp_path)


@pytest.fixture(autouse=True)
def _in_use(here: Config):
    with use_config(here):
        secrets.create_all()
        yield


def _upload(clients: ClientFactory) -> str:
    return upload(clients.make(), b"a picture")


def test_a_backup_has_everything_and_verifies(here: Config, clients: ClientFactory) -> None:
    clients.make().create_room()
    made = make("test", quiet)
    assert made.manifest.server_name == "hearth.example"
    assert made.manifest.counts["account"] == 1
    assert made.manifest.counts["event"] > 5
    assert made.manifest.stream_position > 0
    assert verify(made, quiet).faults == []
    assert stored_backups(here.backup.dir)[0].verdict is not None
    assert [path.name for path in here.backup.dir.iterdir() if path.name.endswith(".partial")] == []


def test_a_file_of_media_is_in_the_folder_once_for_all_backups(here: Config, clients: ClientFactory) -> None:
    _upload(clients)
    first, second = make("test", quiet), make("test", quiet)
    assert first.manifest.media is not None
    assert (first.manifest.media.files, first.manifest.media.missing) == (1, 0)
    assert second.manifest.media == first.manifest.media
    pooled = [path for path in (here.backup.dir / layout.POOL).rglob("*") if path.is_file()]
    assert len(pooled) == 1
    assert pooled[0].stat().st_ino == file_of_media(here).stat().st_ino, "on one disk it is linked"


def test_media_that_are_gone_from_the_store_are_counted_and_stop_nothing(
    here: Config, clients: ClientFactory
) -> None:
    _upload(clients)
    file_of_media(here).unlink()
    made = make("test", quiet)
    assert made.manifest.media is not None
    assert (made.manifest.media.files, made.manifest.media.missing) == (0, 1)


@pytest.mark.parametrize("part", ["database", layout.FILES, layout.MEDIA, layout.POOL])
def test_damage_to_any_part_is_found(here: Config, clients: ClientFactory, part: str) -> None:
    _upload(clients)
    made = make("test", quiet)
    if part == layout.POOL:
        [file] = [path for path in (here.backup.dir / part).rglob("*") if path.is_file()]
    else:
        [file] = [path for path in made.folder.iterdir() if path.name.startswith(part)]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert "damaged" in verify(made, quiet).faults[0]


def test_another_process_goes_on_with_a_verification(here: Config, clients: ClientFactory) -> None:
    _upload(clients)
    made = make("test", quiet)
    file_in_pool = next(path for path in (here.backup.dir / layout.POOL).rglob("*") if path.is_file())
    state = new_verification()
    assert not verify_step(made, state, quiet)
    file_in_pool.unlink()
    while not verify_step(made, state, quiet):
        state = msgspec.json.decode(msgspec.json.encode(state))
    assert ["is missing" in fault for fault in state["faults"]] == [True]
    verdict = find_backup(here.backup.dir, made.manifest.id).verdict
    assert verdict is not None
    assert verdict.faults == sentences_of(state["faults"])


def test_a_verification_ends_when_its_progress_says_so(here: Config) -> None:
    made = make("test", quiet)

    def cancel(step: str, _done: int, _total: int | None) -> None:
        if step == "database":
            raise BackupCancelled

    with pytest.raises(BackupCancelled):
        verify(made, cancel)
    assert find_backup(here.backup.dir, made.manifest.id).verdict is None


def test_one_that_is_cancelled_leaves_nothing_that_passes_for_a_backup(here: Config) -> None:
    def refuse(_step: str, _done: int, _total: int | None) -> None:
        raise BackupCancelled

    with pytest.raises(BackupCancelled):
        make("test", refuse)
    assert stored_backups(here.backup.dir) == []


def test_another_process_goes_on_where_one_ended(here: Config, clients: ClientFactory) -> None:
    _upload(clients)
    state = new_state("test")
    assert not step(state, quiet)
    kept = msgspec.json.decode(msgspec.json.encode(state))
    assert not step(state, quiet), "its list is written, and then the process ends before that is noted"
    while not step(kept, quiet):
        continue
    assert verify(find_backup(here.backup.dir, kept["id"]), quiet).faults == []
    assert len(list(media_list.pooled_of(here.backup.dir / kept["id"]))) == 1


def test_the_latest_of_days_weeks_and_months_are_kept() -> None:
    day = 86_400_000
    begin = 1_700_000_000_000
    found = [_manifest(str(number), begin + number * day) for number in range(100)]
    found.append(_manifest("99b", begin + 99 * day + 1000))
    kept = to_keep(found, Backup(keep_daily=3, keep_weekly=2, keep_monthly=2))
    assert {"99b", "98", "97"} <= kept
    assert "99" not in kept
    assert len(kept) <= 6
    assert to_keep(found, Backup(keep_daily=0, keep_weekly=0, keep_monthly=0)) == {"99b"}


def _manifest(id: str, created_ts: int) -> Manifest:
    return Manifest(
        format=1,
        id=id,
        reason="test",
        hearth_version="0",
        server_name="x",
        engine="sqlite",
        parts={},
        created_ts=created_ts,
        finished_ts=created_ts,
        migrations=[],
        counts={},
        stream_position=0,
        media=None,
    )


def test_what_only_old_backups_had_goes_with_them(here: Config, clients: ClientFactory) -> None:
    _upload(clients)
    first = make("test", quiet)
    with db.write():
        db.execute("DELETE FROM media_file")
    make("test", quiet)
    if first.folder.exists():
        layout.remove_folder(first.folder)
    media_pool.prune(here.backup.dir)
    assert [path for path in (here.backup.dir / layout.POOL).rglob("*") if path.is_file()] == []


@pytest.mark.skipif(db.is_sqlite() is False, reason="puts a database of SQLite in place")
def test_a_backup_is_put_in_the_place_of_a_new_machine(
    here: Config, clients: ClientFactory, tmp_path: Path
) -> None:
    _upload(clients)
    made = make("test", quiet)
    other = other_place(here, tmp_path / "new")
    with use_config(other):
        placed = put_in_place(made, other, replace=False, tell=quiet)
        assert placed.lost_media == 0
        assert secrets.signing_key_text() in (here.server.secrets_dir / "signing.key").read_text()
        assert other.registration.shared_secret_file.read_text() == (tmp_path / "elsewhere").read_text()
        with media_store().local(str(file_of_media(here).relative_to(here.media.dir))) as file:
            assert file.read() == b"a picture"
    with closing(sqlite3.connect(tmp_path / "new" / "hearth.sqlite3")) as restored:
        assert restored.execute("SELECT count(*) FROM account").fetchone() == (1,)
    with pytest.raises(SchemaRefused, match="begun and not finished"):
        refuse_unfinished(other.server.data_dir)
    finish(other)
    refuse_unfinished(other.server.data_dir)


@pytest.mark.skipif(db.is_sqlite() is False, reason="puts a database of SQLite in place")
def test_what_is_there_is_kept_beside_and_can_no_longer_be_started(
    here: Config, clients: ClientFactory, tmp_path: Path
) -> None:
    clients.make()
    made = make("test", quiet)
    other = other_place(here, tmp_path / "new")
    with use_config(other):
        put_in_place(made, other, replace=False, tell=quiet)
        finish(other)
        with pytest.raises(BackupError, match="with --replace its data is kept beside"):
            put_in_place(made, other, replace=False, tell=quiet)
        assert not (other.server.data_dir / UNFINISHED).exists(), "what is refused changes nothing"
        placed = put_in_place(made, other, replace=True, tell=quiet)
    assert (Path(placed.aside) / "hearth.sqlite3").is_file()
    with pytest.raises(SchemaRefused, match="replaced by a restored copy"):
        refuse_unfinished(Path(placed.aside))


def test_a_backup_of_another_server_or_newer_is_refused(here: Config, tmp_path: Path) -> None:
    made = make("test", quiet)
    other = other_place(here, tmp_path / "new")
    if made.manifest.engine == "postgresql":
        with pytest.raises(BackupError, match="hearth move-database"):
            put_in_place(made, other, replace=False, tell=quiet)
        return
    strange = msgspec.structs.replace(made.manifest, server_name="other.example")
    with pytest.raises(BackupError, match=r'set server.name = "other.example"'):
        put_in_place(made._replace(manifest=strange), other, replace=False, tell=quiet)
    newer = msgspec.structs.replace(
        made.manifest, migrations=[*made.manifest.migrations, ("storage", "9999_x")]
    )
    with pytest.raises(BackupError, match="install that version or a newer one"):
        put_in_place(made._replace(manifest=newer), other, replace=False, tell=quiet)
    assert not other.server.data_dir.exists()
