"""Copying elsewhere in the worker: after each backup, again after a failure, cancelled, told to checks."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from appliance.backup import layout
from appliance.backup.errors import BackupError
from appliance.backup.remote.state import read_state
from appliance.backup.remote.store import remote_title
from appliance.backup.remote_task import (
    CHECK,
    RETRY_MS,
    UPLOAD,
    start_check,
    start_fetch,
    start_upload,
    upload_if_due,
)
from appliance.backup.task import start_backup
from appliance.config import Config
from appliance.diagnostics.checks import backup as checks
from appliance.diagnostics.result import Status
from matrix_app.services import long_tasks
from matrix_app.services.audit import CLI
from matrix_app.storage import long_tasks as stored
from matrix_app.storage.long_tasks import LongTaskRow
from tests.factories.client import ClientFactory
from tests.factories.media import upload as upload_media
from tests.factories.settings import settings
from tests.real_server import free_port

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def kind() -> str:
    """One place is enough: what differs between them is tested with the stores."""
    return "s3"


def run(nid: int | None) -> LongTaskRow:
    assert nid is not None
    long_tasks.run(nid)
    row = stored.find(nid)
    assert row is not None
    return row


def made(clients: ClientFactory) -> str:
    """A backup that a task has made, which has started the task that copies it."""
    upload_media(clients.make(), b"a picture")
    name: str = run(start_backup(CLI)).result["backup"]
    return name


def test_each_backup_is_copied_verified_there_and_fetched(here: Config, clients: ClientFactory) -> None:
    name = made(clients)
    [copying] = stored.unfinished(UPLOAD)
    assert copying.title == f"Copy backup {name} to {remote_title()}"
    done = run(copying.nid)
    assert (done.state, done.result) == (stored.DONE, {"backup": name})
    assert done.total == 0 or done.done <= (done.total or 0)
    assert upload_if_due() is None
    assert checks.elsewhere().status is Status.OK
    assert remote_title() in checks.place().summary
    judged = run(start_check(CLI, name))
    assert (judged.state, judged.result["faults"]) == (stored.DONE, [])
    layout.remove_folder(here.backup.dir / name)
    fetched = run(start_fetch(CLI, name))
    assert (fetched.state, fetched.result) == (stored.DONE, {"backup": name, "lost": 0})
    assert layout.find_backup(here.backup.dir, name).manifest.id == name


def test_a_failure_is_told_and_tried_again_later(
    here: Config, clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(here.backup.s3, endpoint=f"http://127.0.0.1:{free_port()}")
    with settings(backup={"s3": gone}):
        name = made(clients)
        failed = run(stored.unfinished(UPLOAD)[0].nid)
    assert failed.state == stored.FAILED
    assert remote_title() in failed.error
    found = checks.elsewhere()
    assert (found.status, remote_title() in found.summary) == (Status.ERROR, True)
    assert upload_if_due() is None, "not at once"
    later = read_state(remote_title()).fault_ts + RETRY_MS
    monkeypatch.setattr("appliance.backup.remote_task.now_ms", lambda: later)
    assert run(upload_if_due()).state == stored.DONE
    assert read_state(remote_title()).has(name)
    assert checks.elsewhere().status is Status.OK


def test_one_that_is_cancelled_leaves_no_backup_there(here: Config, clients: ClientFactory) -> None:
    made(clients)
    [copying] = stored.unfinished(UPLOAD)
    long_tasks.cancel(copying.nid, CLI)
    assert run(copying.nid).state == stored.CANCELLED
    assert read_state(remote_title()).copies == []
    assert upload_if_due() is not None, "the next may come by itself"


def test_a_copy_that_does_not_arrive_for_days_is_told(
    here: Config, clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(clients)
    assert checks.elsewhere().status is Status.OK
    made_ts = layout.stored_backups(here.backup.dir)[0].manifest.finished_ts
    monkeypatch.setattr("matrix_app.storage.clock.now_ms", lambda: made_ts + 3 * checks.DAY_MS)
    assert "For 3.0 days no backup has arrived" in checks.elsewhere().summary


def test_a_copy_that_is_not_sound_is_an_error(here: Config, clients: ClientFactory) -> None:
    name = made(clients)
    run(stored.unfinished(UPLOAD)[0].nid)
    from tests.appliance.backup.remote.test_copies import put, there

    [file] = [file for file in there() if "files.tar" in file]
    put(file, b"x")
    judged = run(start_check(CLI, name))
    assert (judged.state, len(judged.result["faults"])) == (stored.DONE, 1)
    assert checks.elsewhere().status is Status.ERROR
    assert stored.unfinished(CHECK) == []


def test_nothing_is_started_without_a_place(here: Config, clients: ClientFactory) -> None:
    with settings(backup={"remote": "none"}):
        name = made(clients)
        assert stored.unfinished(UPLOAD) == []
        assert upload_if_due() is None
        with pytest.raises(BackupError, match="No place elsewhere"):
            start_upload(CLI, name)
        assert checks.elsewhere().status is Status.OK
