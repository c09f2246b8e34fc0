"""Backups copied elsewhere, fetched from there and verified there."""

from __future__ import annotations

import io
import time
import tracemalloc
from pathlib import Path

import msgspec
import orjson
import pytest
from msgspec.structs import replace

from appliance.backup import keys, layout, media_list
from appliance.backup.errors import BackupCancelled, BackupError, WrongKey
from appliance.backup.layout import Stored, find_backup, stored_backups
from appliance.backup.make import make
from appliance.backup.manifest import FILE
from appliance.backup.remote import pieces, removal
from appliance.backup.remote.fetch import fetch, fetch_step, new_fetch
from appliance.backup.remote.place import backups_in, own_folder
from appliance.backup.remote.state import read_state
from appliance.backup.remote.store import RemoteError, open_store, remote_title
from appliance.backup.remote.upload import new_upload, upload, upload_step
from appliance.backup.remote.verify import verify_elsewhere
from appliance.backup.streams import copy
from appliance.backup.verify import verify
from appliance.config import Config
from appliance.config.current import use_config
from matrix_app.storage import db
from tests.factories.backups import no_tick, other_place, quiet
from tests.factories.client import ClientFactory
from tests.factories.media import upload as upload_media
from tests.factories.settings import settings
from tests.real_server import free_port

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PICTURE = b"a picture that nobody else may see"
SERVER = "hearth.example"


def there() -> dict[str, bytes]:
    """Everything that lies elsewhere, by name."""
    with open_store(no_tick) as store:
        found = {}
        for file in store.files(SERVER):
            content = io.BytesIO()
            with store.get(file.name) as source:
                copy(source, content)
            found[file.name] = content.getvalue()
        return found


def put(name: str, content: bytes) -> None:
    with open_store(no_tick) as store:
        store.put(name, content)


def names() -> list[str]:
    """The backups that are elsewhere."""
    with open_store(no_tick) as store:
        return [one.id for one in backups_in(store, own_folder())]


def a_backup(clients: ClientFactory, *pictures: bytes) -> Stored:
    client = clients.make()
    for picture in pictures:
        upload_media(client, picture)
    return make("test", quiet)


def elsewhere_too(here: Config, folder: Path) -> Config:
    """Another machine, which has nothing, and knows the same place."""
    new = other_place(here, folder)
    return replace(new, backup=replace(new.backup, dir=folder / "backups"))


def test_a_backup_is_copied_and_comes_back_whole(
    here: Config, clients: ClientFactory, tmp_path: Path
) -> None:
    made = a_backup(clients, PICTURE, PICTURE[::-1])
    upload(made.manifest.id, quiet)
    assert names() == [made.manifest.id]
    assert [one.id for one in read_state(remote_title()).copies] == [made.manifest.id]
    for content in there().values():
        assert PICTURE not in content
    text = keys.own_keys()
    sftp_key = here.server.secrets_dir / "backup_ssh.key"
    other = elsewhere_too(here, tmp_path / "new")
    with use_config(other):
        other.server.secrets_dir.mkdir(parents=True)
        if sftp_key.exists():
            (other.server.secrets_dir / sftp_key.name).write_bytes(sftp_key.read_bytes())
        fetched = fetch(made.manifest.id, quiet)
        assert fetched.manifest == made.manifest
        with pytest.raises(WrongKey):
            verify(fetched, quiet)
        assert verify(fetched, quiet, text).faults == []
        assert fetch(made.manifest.id, quiet).manifest == made.manifest, "it is here already"
        assert sorted(path.name for path in other.backup.dir.iterdir() if path.name[0] != ".") == [
            made.manifest.id,
            layout.POOL,
        ]


def test_media_go_there_once(here: Config, clients: ClientFactory) -> None:
    first = a_backup(clients, PICTURE)
    upload(first.manifest.id, quiet)
    second = make("test", quiet)
    state = new_upload(second.manifest.id)
    upload_step(state, quiet)
    assert state["total"] == second.manifest.size
    while not upload_step(state, quiet):
        continue
    assert len([name for name in there() if "/pool/" in name]) == 1
    assert names() == [second.manifest.id], "of one day the latest is kept, there too"


def test_a_copy_that_is_there_already_is_not_sent_again(here: Config, clients: ClientFactory) -> None:
    made = a_backup(clients, PICTURE)
    upload(made.manifest.id, quiet)
    state = new_upload(made.manifest.id)
    upload_step(state, quiet)
    assert state["phase"] == "commit"


def test_an_upload_that_breaks_off_is_no_backup_and_another_process_goes_on(
    here: Config, clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 20_000)
    made = a_backup(clients, PICTURE * 4000)
    state = new_upload(made.manifest.id)
    upload_step(state, quiet)
    whole, kept = state["total"], b""

    def give_up_midway(_step: str, done: int, _total: int | None) -> None:
        nonlocal kept
        kept = orjson.dumps(state)
        if done > whole // 2:
            raise BackupCancelled

    with pytest.raises(BackupCancelled):
        upload_step(state, give_up_midway)
    assert names() == []
    sent = there()
    assert sent
    again = orjson.loads(kept)
    while not upload_step(again, quiet):
        assert again["done"] == again["total"] or again["phase"] != "upload"
    assert names() == [made.manifest.id]
    assert sent.items() <= there().items(), "what was there was not needed again, and is as it was"
    assert verify_elsewhere(made.manifest.id, quiet).faults == []


def test_what_a_broken_upload_left_goes_with_the_next(
    here: Config, clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = a_backup(clients, PICTURE)
    left = f"{SERVER}/2020-01-01T000000Z/database.pgdump.age.000000"
    put(left, b"x")
    put(f"{SERVER}/pool/sealed/aa/bb", b"of nobody")
    upload(made.manifest.id, quiet)
    assert left not in there()
    assert f"{SERVER}/pool/sealed/aa/bb" not in there()
    assert verify_elsewhere(made.manifest.id, quiet).faults == []


def old_copy(made: Stored, id: str, created_ts: int, **changes: object) -> None:
    """A backup of another time elsewhere, with the parts of one that is there."""
    manifest = msgspec.json.decode(msgspec.json.encode(made.manifest))
    manifest |= {"id": id, "created_ts": created_ts, **changes}
    for name, content in there().items():
        if f"/{made.manifest.id}/" in name and not name.endswith(FILE):
            put(name.replace(made.manifest.id, id), content)
    put(f"{SERVER}/{id}/{FILE}", orjson.dumps(manifest))


def test_old_copies_are_removed_by_their_own_settings_with_media_of_none(
    here: Config, clients: ClientFactory
) -> None:
    first = a_backup(clients, PICTURE)
    upload(first.manifest.id, quiet)
    old_copy(first, "2020-01-05T000000Z", 1_578_182_400_000)
    old_copy(first, "2021-01-05T000000Z", 1_609_804_800_000)
    with db.write():
        db.execute("DELETE FROM media_file")
    upload_media(clients.make(), b"another")
    with settings(backup={"remote_keep_daily": 2, "remote_keep_weekly": 0, "remote_keep_monthly": 0}):
        second = make("test", quiet)
        upload(second.manifest.id, quiet)
        assert names() == [second.manifest.id, "2021-01-05T000000Z"]
        assert len([name for name in there() if "/pool/" in name]) == 2
        assert not any("2020-01-05" in name for name in there())
    with settings(backup={"remote_keep_daily": 1, "remote_keep_weekly": 0, "remote_keep_monthly": 0}):
        upload(second.manifest.id, quiet)
    assert names() == [second.manifest.id]
    [left] = [name for name in there() if "/pool/" in name]
    [listed] = media_list.pooled_of(second.folder)
    assert left == f"{SERVER}/pool/{listed.name}"
    assert verify_elsewhere(second.manifest.id, quiet).faults == []
    assert [file.stem for file in (here.backup.dir / removal._LISTS).glob("*.jsonl")] == [second.manifest.id]


def test_a_copy_of_a_newer_version_is_left_alone_with_all_media(here: Config, clients: ClientFactory) -> None:
    first = a_backup(clients, PICTURE)
    upload(first.manifest.id, quiet)
    old_copy(first, "2020-01-05T000000Z", 1_578_182_400_000, format=99)
    put(f"{SERVER}/pool/sealed/aa/bb", b"of the newer one")
    second = make("test", quiet)
    upload(second.manifest.id, quiet)
    assert names() == [second.manifest.id]
    found = there()
    assert f"{SERVER}/2020-01-05T000000Z/{FILE}" in found
    assert f"{SERVER}/pool/sealed/aa/bb" in found


def test_a_place_that_fails_loses_nothing_here_and_is_noted(here: Config, clients: ClientFactory) -> None:
    made = a_backup(clients, PICTURE)
    backup, port = here.backup, free_port()
    gone = replace(
        backup,
        s3=replace(backup.s3, endpoint=f"http://127.0.0.1:{port}"),
        sftp=replace(backup.sftp, port=port),
    )
    with use_config(replace(here, backup=gone)):
        with pytest.raises(RemoteError):
            upload(made.manifest.id, quiet)
        assert remote_title() in read_state(remote_title()).fault
        assert verify(made, quiet).faults == []
    upload(made.manifest.id, quiet)
    state = read_state(remote_title())
    assert (state.fault, state.has(made.manifest.id)) == ("", True)


def test_a_backup_that_was_removed_here_is_not_half_copied(here: Config, clients: ClientFactory) -> None:
    made = a_backup(clients, PICTURE)
    state = new_upload(made.manifest.id)
    upload_step(state, quiet)
    layout.remove_folder(made.folder)
    with pytest.raises(BackupError, match="is not here any more"):
        upload_step(state, quiet)
    assert names() == []


@pytest.mark.parametrize("part", ["files.tar.age", "pool.jsonl", "pool/"])
def test_damage_elsewhere_is_found(here: Config, clients: ClientFactory, part: str) -> None:
    made = a_backup(clients, PICTURE)
    upload(made.manifest.id, quiet)
    [(name, content)] = [(name, content) for name, content in there().items() if part in name]
    put(name, content[:-1] + bytes([content[-1] ^ 1]))
    [fault] = verify_elsewhere(made.manifest.id, quiet).faults
    assert "damaged" in fault
    [noted] = read_state(remote_title()).copies
    assert noted.verdict is not None
    assert noted.verdict.faults == [fault]
    assert not list(here.backup.dir.glob(".*.check"))
    with open_store(no_tick) as store:
        store.remove(name)
    [fault] = verify_elsewhere(made.manifest.id, quiet).faults
    assert "missing" in fault


def test_what_is_damaged_elsewhere_is_not_fetched(here: Config, clients: ClientFactory) -> None:
    made = a_backup(clients, PICTURE)
    upload(made.manifest.id, quiet)
    [name] = [name for name in there() if "files.tar" in name]
    whole = there()[name]
    layout.remove_folder(made.folder)
    for wrong in (whole[:-1] + b"x", whole + b"x", whole[:-1]):
        put(name, wrong)
        with pytest.raises(BackupError, match=r"is damaged|another size"):
            fetch(made.manifest.id, quiet)
        assert stored_backups(here.backup.dir) == []
        layout.remove_folder(here.backup.dir / f".{made.manifest.id}.fetch")  # what came whole is kept
    put(name, whole)
    assert verify(fetch(made.manifest.id, quiet), quiet).faults == []


def test_plain_media_that_changed_elsewhere_are_not_taken(here: Config, clients: ClientFactory) -> None:
    with settings(backup={"encrypt": False}):
        made = a_backup(clients, PICTURE)
        upload(made.manifest.id, quiet)
        [name] = [name for name in there() if "/pool/" in name]
        put(name, PICTURE[::-1])
        layout.remove_folder(made.folder)
        layout.remove_folder(here.backup.dir / layout.POOL)
        state = new_fetch(made.manifest.id)
        while not fetch_step(state, quiet):
            continue
        assert state["lost"] == 1
        assert "missing" in verify(find_backup(here.backup.dir, made.manifest.id), quiet).faults[0]


@pytest.mark.parametrize("parts", [{"../../x": {}}, {"a/b": {}}, {".x": {}}, {"": {}}])
def test_a_manifest_cannot_name_files_outside_of_its_folder(here: Config, parts: dict[str, dict]) -> None:
    id = "2026-01-01T000000Z"
    made = make("test", quiet)
    manifest = msgspec.json.decode(msgspec.json.encode(made.manifest))
    part = {"size": 1, "sha256": "0" * 64}
    manifest |= {"id": id, "parts": dict.fromkeys(parts, part)}
    put(f"{SERVER}/{id}/{FILE}", orjson.dumps(manifest))
    with pytest.raises(BackupError, match="names parts that cannot be"):
        fetch(id, quiet)
    with pytest.raises(BackupError, match="is not the name of a backup"):
        fetch("../x", quiet)


def test_lists_of_media_cannot_name_files_outside_of_the_pool(here: Config, clients: ClientFactory) -> None:
    import hashlib

    made = a_backup(clients, PICTURE)
    upload(made.manifest.id, quiet)
    evil = orjson.dumps(["../../../evil", 5]) + b"\n"
    manifest = msgspec.json.decode(msgspec.json.encode(made.manifest))
    manifest["parts"]["pool.jsonl"] = {"size": len(evil), "sha256": hashlib.sha256(evil).hexdigest()}
    put(f"{SERVER}/{made.manifest.id}/pool.jsonl", evil)
    put(f"{SERVER}/{made.manifest.id}/{FILE}", orjson.dumps(manifest))
    layout.remove_folder(made.folder)
    with pytest.raises(BackupError, match="names files of media that cannot be"):
        fetch(made.manifest.id, quiet)


def test_no_more_is_sent_than_is_wanted(
    here: Config, clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 20_000)
    made = a_backup(clients, PICTURE * 3000)
    with settings(backup={"remote_kib_per_second": 100}):
        state = new_upload(made.manifest.id)
        upload_step(state, quiet)
        began = time.monotonic()
        while state["phase"] == "upload":
            upload_step(state, quiet)
    assert time.monotonic() - began >= state["total"] / 102_400


def test_large_files_take_little_memory(here: Config, clients: ClientFactory) -> None:
    with settings(backup={"encrypt": False}, media={"max_upload_bytes": 1 << 30}):
        made = a_backup(clients, bytes(6 * pieces.PIECE_BYTES))
        tracemalloc.start()
        upload(made.manifest.id, quiet)
        layout.remove_folder(made.folder)
        layout.remove_folder(here.backup.dir / layout.POOL)
        fetch(made.manifest.id, quiet)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 4 * pieces.PIECE_BYTES
