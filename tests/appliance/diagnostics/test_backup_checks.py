"""What the checks say of backups."""

from __future__ import annotations

from pathlib import Path

import msgspec

from appliance.backup.layout import VERDICT
from appliance.backup.manifest import FILE, FORMAT, Manifest, Verdict
from appliance.diagnostics.checks.backup import DAY_MS, age, verify
from appliance.diagnostics.result import Status
from matrix_app.storage.clock import now_ms
from tests.factories.settings import settings


def put_backup(root: Path, days_ago: float) -> Path:
    """A backup as far as the checks look at it."""
    ts = int(now_ms() - days_ago * DAY_MS)
    folder = root / "2026-01-01"
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        format=FORMAT,
        id=folder.name,
        reason="schedule",
        hearth_version="1",
        server_name="hearth.example",
        engine="sqlite",
        created_ts=ts,
        finished_ts=ts,
        migrations=[],
        counts={},
        stream_position=1,
        parts={},
        media=None,
    )
    (folder / FILE).write_bytes(msgspec.json.encode(manifest))
    return folder


def test_a_backup_must_be_there_and_young(tmp_path: Path) -> None:
    with settings(backup={"dir": tmp_path}):
        assert age().status is Status.WARN
        for days, status in ((1.0, Status.OK), (3.0, Status.WARN), (8.0, Status.ERROR)):
            put_backup(tmp_path, days)
            assert age().status is status


def test_a_backup_that_was_found_broken_is_an_error(tmp_path: Path) -> None:
    with settings(backup={"dir": tmp_path}):
        assert verify().status is Status.OK
        folder = put_backup(tmp_path, 1.0)
        (folder / VERDICT).write_bytes(msgspec.json.encode(Verdict(1, [])))
        assert "is whole" in verify().summary
        (folder / VERDICT).write_bytes(msgspec.json.encode(Verdict(1, ["media/ab is missing"])))
        assert (verify().status, "media/ab" in verify().detail) == (Status.ERROR, True)
