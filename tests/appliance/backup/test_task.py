"""Backups in the worker: by the page, by the schedule, cancelled, verified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.backup import layout
from appliance.backup.errors import BackupError
from appliance.backup.task import start_backup, start_if_due, start_verification
from appliance.config import Config
from appliance.config.current import use_config
from matrix_app.services import long_tasks
from matrix_app.services.audit import CLI
from matrix_app.storage import db
from matrix_app.storage import long_tasks as stored
from tests.factories.client import ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def here(config: Config, tmp_path: Path) -> Iterator[Config]:
    replace = msgspec.structs.replace
    with use_config(replace(config, backup=replace(config.backup, dir=tmp_path / "backups"))) as changed:
        yield changed


def test_a_task_makes_a_backup_and_another_verifies_it(here: Config) -> None:
    nid = start_backup(CLI)
    assert start_backup(CLI) == nid, "one at a time is enough"
    long_tasks.run(nid)
    row = stored.find(nid)
    assert row is not None
    assert row.state == stored.DONE
    name = row.result["backup"]
    checking = start_verification(CLI, name)
    long_tasks.run(checking)
    checked = stored.find(checking)
    assert checked is not None
    assert (checked.state, checked.result["faults"]) == (stored.DONE, [])
    assert layout.find_backup(here.backup.dir, name).verdict is not None
    with pytest.raises(BackupError, match="There is no backup nothing"):
        start_verification(CLI, "nothing")


def test_one_that_is_cancelled_leaves_nothing(here: Config) -> None:
    nid = start_backup(CLI)
    long_tasks.cancel(nid, CLI)
    long_tasks.run(nid)
    row = stored.find(nid)
    assert row is not None
    assert row.state == stored.CANCELLED
    assert layout.stored_backups(here.backup.dir) == []


def test_a_folder_that_cannot_be_written_is_said_in_the_task(here: Config, tmp_path: Path) -> None:
    (tmp_path / "backups").write_text("a file is in the way")
    nid = start_backup(CLI)
    long_tasks.run(nid)
    row = stored.find(nid)
    assert row is not None
    assert row.state == stored.FAILED
    assert "The folder of backups cannot be written" in row.error


def test_the_schedule_makes_one_when_the_last_is_too_old(here: Config, clients: ClientFactory) -> None:
    assert start_if_due() is None, "there is nothing to lose yet"
    clients.make()
    assert start_if_due() is None, "the server is new"
    with db.write():
        db.execute("UPDATE account SET created_ts = 1")
    nid = start_if_due()
    assert nid is not None
    long_tasks.run(nid)
    assert start_if_due() is None
    never = msgspec.structs.replace(here, backup=msgspec.structs.replace(here.backup, every_hours=0))
    with use_config(never):
        for one in layout.stored_backups(here.backup.dir):
            layout.remove_folder(one.folder)
        assert start_if_due() is None
