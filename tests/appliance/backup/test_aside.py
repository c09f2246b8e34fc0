"""What a restore sets aside comes back whole, wherever it was broken off."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance import secrets
from appliance.backup import aside
from appliance.backup.errors import BackupError
from appliance.backup.layout import Stored
from appliance.backup.make import make
from appliance.backup.restore import finish, put_in_place
from appliance.config import Config
from appliance.config.current import use_config
from appliance.restoring import RETIRED, UNFINISHED, refuse_unfinished
from matrix_app.storage import db
from tests.factories.backups import other_place, place_of_its_own, quiet
from tests.factories.client import ClientFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(db.is_sqlite() is False, reason="puts a database of SQLite in place"),
]


@pytest.fixture
def made(config: Config, tmp_path: Path, clients: ClientFactory) -> Iterator[Stored]:
    """A backup of a server with one account and a secret that is kept elsewhere."""
    with use_config(place_of_its_own(config, tmp_path)):
        secrets.create_all()
        clients.make()
        yield make("test", quiet)


@pytest.fixture
def new(config: Config, made: Stored, tmp_path: Path) -> Iterator[Config]:
    """A server that was just installed: keys of its own, a database without accounts."""
    other = other_place(place_of_its_own(config, tmp_path), tmp_path / "new")
    with use_config(other):
        secrets.create_all()
        other.registration.shared_secret_file.write_text("mine")
        with closing(sqlite3.connect(tmp_path / "new" / "hearth.sqlite3")) as database, database:
            database.execute("CREATE TABLE mine (n)")
        yield other


def contents(config: Config) -> dict[str, bytes]:
    folder = config.server.data_dir
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_relative_to(folder / "media")
    }


def test_a_restore_that_ends_in_the_middle_can_be_undone(made: Stored, new: Config) -> None:
    before = contents(new)
    put_in_place(made, new, replace=False, tell=quiet)
    assert contents(new) != before
    assert (new.server.data_dir / UNFINISHED).exists()
    assert aside.put_back(new)
    assert contents(new) == before
    refuse_unfinished(new.server.data_dir)
    assert not aside.put_back(new), "there is nothing to undo any more"


def test_undoing_can_be_broken_off_at_any_step_and_done_again(
    made: Stored, new: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(new)
    put_in_place(made, new, replace=False, tell=quiet)
    renames, rename = 0, Path.rename

    def broken_off(self: Path, target: Path) -> Path:
        nonlocal renames
        renames += 1
        if renames % 2:
            raise OSError("broken off")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken_off)
    for _attempt in range(5):
        try:
            assert aside.put_back(new)
            break
        except OSError:
            assert (new.server.data_dir / UNFINISHED).exists(), "no server starts with half of it"
    monkeypatch.undo()
    assert contents(new) == before


def test_setting_aside_that_is_broken_off_is_undone_too(
    made: Stored, new: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(new)
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if self.name == "hearth.sqlite3":
            raise OSError("the power is gone")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OSError, match="the power is gone"):
        put_in_place(made, new, replace=False, tell=quiet)
    monkeypatch.undo()
    assert not (new.server.secrets_dir).exists()
    assert aside.put_back(new)
    assert contents(new) == before


def test_what_is_done_again_sets_the_first_data_aside_and_not_what_was_half_restored(
    made: Stored, new: Config
) -> None:
    key = (new.server.secrets_dir / "token_pepper").read_bytes()
    put_in_place(made, new, replace=False, tell=quiet)
    placed = put_in_place(made, new, replace=False, tell=quiet)
    finish(new)
    [kept] = new.server.data_dir.glob("before-restore-*")
    assert str(kept) == placed.aside
    assert (kept / RETIRED).exists()
    assert (kept / "secrets" / "token_pepper").read_bytes() == key
    with closing(sqlite3.connect(kept / "hearth.sqlite3")) as database:
        assert database.execute("SELECT count(*) FROM mine").fetchone() == (0,)


def test_a_mark_of_an_earlier_version_tells_nothing_and_stays(made: Stored, new: Config) -> None:
    mark = new.server.data_dir / UNFINISHED
    mark.write_text(made.manifest.id)
    assert not aside.put_back(new)
    assert mark.exists()
    put_in_place(made, new, replace=False, tell=quiet)
    finish(new)
    assert not mark.exists()


def test_one_that_is_refused_changes_nothing(made: Stored, new: Config) -> None:
    with closing(sqlite3.connect(new.server.data_dir / "hearth.sqlite3")) as database, database:
        database.execute("CREATE TABLE account (n)")
        database.execute("INSERT INTO account VALUES (1)")
    before = contents(new)
    with pytest.raises(BackupError, match="accounts already"):
        put_in_place(made, new, replace=False, tell=quiet)
    assert contents(new) == before
