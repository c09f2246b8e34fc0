"""Encrypted backups: nothing lies there plainly, who has the key opens them, and nobody else can make one."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from appliance import secrets
from appliance.backup import age, keys, kit, layout, media_list, media_pool
from appliance.backup.errors import BackupError, WrongKey
from appliance.backup.keeping import remove
from appliance.backup.keys import Keys, parse_keys
from appliance.backup.layout import Stored, find_backup
from appliance.backup.make import make, new_state, step
from appliance.backup.manifest import FILE
from appliance.backup.parts import open_backup
from appliance.backup.restore import put_in_place
from appliance.backup.verify import verify
from appliance.config import Config
from appliance.config.checks import check
from appliance.config.current import use_config
from matrix_app.media.store import media_store
from matrix_app.services.audit import CLI
from matrix_app.storage import audit, db
from tests.factories.backups import file_of_media, other_place, place_of_its_own, quiet
from tests.factories.client import ClientFactory
from tests.factories.media import upload

pytestmark = pytest.mark.django_db(transaction=True)

PICTURE = b"a picture that nobody else may see"


@pytest.fixture
def here(config: Config, tmp_path: Path) -> Config:
    """A server whose backups are encrypted."""
    return sealed(place_of_its_own(config, tmp_path))


@pytest.fixture(autouse=True)
def _in_use(here: Config) -> Iterator[None]:
    with use_config(here):
        secrets.create_all()
        yield


def sealed(config: Config, *recipients: str) -> Config:
    replace = msgspec.structs.replace
    return replace(config, backup=replace(config.backup, encrypt=True, recipients=recipients))


def plain_at(folder: Path, *texts: bytes) -> list[Path]:
    """The files below a folder in which one of some texts can be read, packed or not."""
    found = []
    for file in (path for path in folder.rglob("*") if path.is_file()):
        data = file.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data += gzip.decompress(data)
        if any(text in data or text in file.as_posix().encode() for text in texts):
            found.append(file)
    return found


def pooled(here: Config) -> list[Path]:
    return [path for path in (here.backup.dir / layout.POOL).rglob("*") if path.is_file()]


def test_nothing_secret_lies_plainly_among_the_backups_at_any_time(
    here: Config, clients: ClientFactory
) -> None:
    client = clients.make()
    upload(client, PICTURE)
    hidden = (
        PICTURE,
        client.user_id.encode(),
        secrets.signing_key_text().split()[-1].encode(),
        file_of_media(here).name.encode(),
        keys.own_key().encode(),
        age.recipient_of(keys.own_key()).encode(),
    )
    state = new_state("test")
    while not step(state, quiet):
        assert plain_at(here.backup.dir, *hidden) == []
    assert plain_at(here.backup.dir, *hidden) == []
    assert layout.work_folders() == []
    manifest = find_backup(here.backup.dir, state["id"]).manifest
    assert (manifest.counts, manifest.stream_position) == ({}, 0)
    assert manifest.media is not None
    assert manifest.media.files == 1


@pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")
def test_age_itself_decrypts_what_is_written(here: Config, clients: ClientFactory, tmp_path: Path) -> None:
    client = clients.make()
    upload(client, PICTURE)
    made = make("test", quiet)
    (tmp_path / "kit.txt").write_text(kit.kit_text())
    [file] = pooled(here)
    assert decrypted(file, tmp_path / "kit.txt") == PICTURE
    for name, beginning in (("files.tar", b"secrets/"), ("media.jsonl", b'["content/')):
        assert beginning in decrypted(made.folder / f"{name}.age", tmp_path / "kit.txt")
    [database] = made.folder.glob("database.*")
    plain = decrypted(database, tmp_path / "kit.txt")
    assert (gzip.decompress(plain)[:6] if ".gz" in database.name else plain[:5]) in (b"SQLite", b"PGDMP")


def decrypted(file: Path, identity: Path) -> bytes:
    command = ["age", "--decrypt", "--identity", str(identity), str(file)]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_the_server_verifies_by_the_key_that_it_keeps(here: Config, clients: ClientFactory) -> None:
    upload(clients.make(), PICTURE)
    made = make("test", quiet)
    assert verify(made, quiet).faults == []
    opened = open_backup(made)
    assert (opened.is_proven, opened.is_forged) == (True, False)


@pytest.mark.parametrize("part", ["database", "facts", "files", "media", "pool.jsonl", layout.POOL])
def test_damage_to_any_part_is_found(here: Config, clients: ClientFactory, part: str) -> None:
    upload(clients.make(), PICTURE)
    made = make("test", quiet)
    [file] = pooled(here) if part == layout.POOL else made.folder.glob(f"{part}*")
    data = bytearray(file.read_bytes())
    data[-20] ^= 1
    file.write_bytes(data)
    assert "damaged" in verify(made, quiet).faults[0]


def test_files_of_media_that_were_exchanged_are_found(here: Config, clients: ClientFactory) -> None:
    client = clients.make()
    upload(client, PICTURE)
    upload(client, bytes(reversed(PICTURE)))
    made = make("test", quiet)
    first, second = pooled(here)
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    assert len(verify(made, quiet).faults) == 2


def test_a_manifest_that_somebody_changed_is_not_believed(here: Config, tmp_path: Path) -> None:
    made = make("test", quiet)
    text = (made.folder / FILE).read_text()
    (made.folder / FILE).write_text(text.replace('"reason": "test"', '"reason": "page"'))
    changed = find_backup(here.backup.dir, made.manifest.id)
    assert verify(changed, quiet).faults == [
        "its manifest was not written by who has its key: somebody has changed it, or made it"
    ]
    if made.manifest.engine == "sqlite":
        with pytest.raises(BackupError, match="somebody has changed it"):
            put_in_place(changed, other_place(here, tmp_path / "new"), replace=False, tell=quiet)
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(db.is_sqlite() is False, reason="puts a database of SQLite in place")
def test_another_machine_needs_the_kit(here: Config, clients: ClientFactory, tmp_path: Path) -> None:
    upload(clients.make(), PICTURE)
    made, text, identity = make("test", quiet), kit.kit_text(), keys.own_key()
    other = other_place(here, tmp_path / "new")
    with use_config(other):
        with pytest.raises(WrongKey, match=f"key {made.manifest.encryption.key}, which is not on this"):  # type: ignore[union-attr]
            put_in_place(made, other, replace=False, tell=quiet)
        with pytest.raises(WrongKey, match="not the one that was given"):
            put_in_place(made, other, replace=False, tell=quiet, given=Keys((age.new_identity(),)))
        assert not other.server.data_dir.exists(), "what is refused changes nothing"
        placed = put_in_place(made, other, replace=False, tell=quiet, given=parse_keys(text))
        assert (placed.lost_media, placed.is_unproven) == (0, False)
        assert keys.own_key() == identity, "backups go on with the same key"
        with media_store().local(str(file_of_media(here).relative_to(here.media.dir))) as file:
            assert file.read() == PICTURE
    assert plain_at(here.backup.dir, PICTURE) == []


@pytest.mark.skipif(db.is_sqlite() is False, reason="puts a database of SQLite in place")
def test_others_can_open_it_but_not_show_who_made_it(here: Config, tmp_path: Path) -> None:
    friend = age.new_identity()
    with use_config(sealed(here, age.recipient_of(friend))):
        made = make("test", quiet)
    other = other_place(here, tmp_path / "new")
    with use_config(other):
        assert put_in_place(made, other, replace=False, tell=quiet, given=Keys((friend,))).is_unproven


@pytest.mark.skipif(db.is_sqlite() is False, reason="puts a database of SQLite in place")
def test_a_restore_on_the_same_machine_needs_no_kit_and_loses_no_key(here: Config) -> None:
    local = msgspec.structs.replace(
        here, database=msgspec.structs.replace(here.database, url="sqlite:///restored.sqlite3")
    )
    made, first = make("test", quiet), keys.own_key()
    second = keys.renew_key()
    with use_config(local):
        put_in_place(made, local, replace=True, tell=quiet)
        assert keys.own_key() == first
        assert second in keys.own_keys().identities


def test_a_file_of_media_is_encrypted_once_for_all_backups(here: Config, clients: ClientFactory) -> None:
    upload(clients.make(), PICTURE)
    first = make("test", quiet)
    [file] = pooled(here)
    before = file.stat()
    second = make("test", quiet)
    assert [path.stat() for path in pooled(here)] == [before]
    assert first.manifest.media == second.manifest.media


def test_other_keys_have_media_encrypted_anew_and_the_old_ones_go_with_the_backups(
    here: Config, clients: ClientFactory
) -> None:
    upload(clients.make(), PICTURE)
    first = make("test", quiet)
    [before] = pooled(here)
    keys.renew_key()
    assert verify(first, quiet).faults == [], "keys of before are kept"
    second = make("test", quiet)
    assert not first.folder.exists(), "of one day, the latest is kept"
    [after] = pooled(here)
    assert after != before
    assert verify(second, quiet).faults == []


def test_media_of_one_that_is_being_made_are_not_removed(here: Config, clients: ClientFactory) -> None:
    upload(clients.make(), PICTURE)
    old = make("test", quiet)
    state = new_state("test")
    step(state, quiet)
    remove(CLI, old.manifest.id)
    file_of_media(here).unlink()
    while not step(state, quiet):
        continue
    assert verify(find_backup(here.backup.dir, state["id"]), quiet).faults == []
    assert len(pooled(here)) == 1
    assert media_pool.prune(here.backup.dir) == 0


def test_a_process_goes_on_where_another_ended_but_not_with_other_keys(
    here: Config, clients: ClientFactory
) -> None:
    upload(clients.make(), PICTURE)
    state = new_state("test")
    step(state, quiet)
    kept = msgspec.json.encode(state)
    step(state, quiet)
    again = msgspec.json.decode(kept)
    while not step(again, quiet):
        continue
    made = find_backup(here.backup.dir, again["id"])
    assert verify(made, quiet).faults == []
    assert len(list(media_list.pooled_of(made.folder))) == 1
    state = new_state("test")
    step(state, quiet)
    keys.renew_key()
    with pytest.raises(BackupError, match="was changed while this one was made"):
        step(state, quiet)
    assert layout.work_folders() == []


def test_a_plain_backup_is_not_taken_for_the_one_of_a_kit(here: Config) -> None:
    replace = msgspec.structs.replace
    with use_config(replace(here, backup=replace(here.backup, encrypt=False))):
        made: Stored = make("test", quiet)
    assert made.manifest.format == 1
    with pytest.raises(BackupError, match="is not encrypted"):
        verify(made, quiet, Keys((keys.own_key(),)))


def test_the_kit_is_given_to_a_page_once_for_each_key(here: Config) -> None:
    assert kit.handed_out_ts() is None
    text = kit.fetch_once(CLI)
    assert keys.own_key() in text
    assert parse_keys(text).identities == (keys.own_key(),)
    assert all(line.startswith(("#", "AGE-SECRET-KEY-1")) for line in text.splitlines())
    assert kit.handed_out_ts() is not None
    with pytest.raises(BackupError, match="hearth backup --kit prints it again"):
        kit.fetch_once(CLI)
    assert kit.print_again(CLI) == text
    assert audit.page(before=None, limit=1)[0].action == "backup.kit"
    keys.renew_key()
    assert kit.handed_out_ts() is None
    assert kit.fetch_once(CLI) != text


@pytest.mark.parametrize("text", ["", "# only a comment", "AGE-SECRET-KEY-1SHORT", "age1xyz"])
def test_what_has_no_key_in_it_is_no_kit(text: str) -> None:
    with pytest.raises(BackupError):
        parse_keys(text)


def test_a_key_that_was_typed_in_small_letters_is_the_key() -> None:
    identity = age.new_identity()
    assert parse_keys(f"\n  {identity.lower()} \n").identities == (identity,)


def test_recipients_must_be_public_keys_of_age(here: Config) -> None:
    assert list(check(sealed(here, age.recipient_of(age.new_identity())))) == []
    for wrong in ("age1qqqq", keys.own_key(), "ssh-ed25519 AAAA"):
        [problem] = check(sealed(here, wrong))
        assert problem.key == "backup.recipients"
        assert re.search("is not a public key of age", problem.message)
