"""The long task that makes an archive, one part of it at a time."""

from __future__ import annotations

import time
from typing import Final

import msgspec

from matrix_app.protocol.errors import NotFound
from matrix_app.services.account_export import account_files, index, keys, room_files, uploads
from matrix_app.services.account_export.archive import Entry, Part
from matrix_app.services.account_export.progress import Job, Options, Progress
from matrix_app.services.account_export.requests import KIND, lifetime_ms
from matrix_app.services.long_tasks import LongTask, long_task
from matrix_app.services.store_media import refuse_without_space, staged
from matrix_app.storage import account_exports, accounts, db
from matrix_app.storage.account_exports import ExportRow, PartRow
from matrix_app.storage.clock import now_ms

# A part is about so large, or one file, or what was ready after so many seconds.
PART_BYTES: Final = 32 << 20
PART_SECONDS: Final = 3.0


@long_task(KIND)
def make_part(task: LongTask) -> bool:
    """Make the next part of an archive and store it; True when the archive is whole."""
    export, job = _job(task)
    refuse_without_space()
    number = len(account_exports.parts(export.nid))
    with Part(export.size) as part:
        done = _fill(part, job)
        if done:
            _end(part, export, job)
        entries = [] if done else part.finish()
        _store(export, number, part, entries, job, done=done)
    _tell(task, job)
    return done


def _job(task: LongTask) -> tuple[ExportRow, Job]:
    export = account_exports.get(task.params["export_nid"])
    account = accounts.get(task.params["user_nid"])
    if export is None or account is None:
        raise NotFound("The export has been removed meanwhile")
    options = msgspec.convert(task.params["options"], Options)
    return export, Job(account, options, msgspec.json.decode(export.state, type=Progress))


def _fill(part: Part, job: Job) -> bool:
    """Add one thing after the other, until the part is large enough; whether nothing is left."""
    until = time.monotonic() + PART_SECONDS
    while part.size < PART_BYTES and time.monotonic() < until:
        if _add_next(part, job):
            return True
    return False


def _add_next(part: Part, job: Job) -> bool:
    match job.progress.phase:
        case "account":
            account_files.add_account(part, job)
            job.next_phase("rooms")
        case "rooms":
            room_nid = room_files.next_room(job)
            if room_nid is None:
                job.next_phase("keys" if job.options.sealed else "media")
            else:
                room_files.add_some(part, job, room_nid)
        case "keys":
            if keys.add_some(part, job):
                job.next_phase("media")
        case "media":
            if uploads.add_some(part, job, PART_BYTES):
                job.next_phase("index")
        case _:
            return True
    return False


def _end(part: Part, export: ExportRow, job: Job) -> None:
    stored = [
        entry
        for row in account_exports.parts(export.nid)
        for entry in msgspec.json.decode(row.entries, type=list[Entry])
    ]
    index.add_index(part, job, [entry.name for entry in stored] + part.names())
    part.close_archive(stored)


def _store(export: ExportRow, number: int, part: Part, entries: list[Entry], job: Job, *, done: bool) -> None:
    with staged(part.file, "export") as copy, db.write():
        row = PartRow(number, copy.location, copy.size, msgspec.json.encode(entries))
        if not account_exports.add_part(export.nid, row, msgspec.json.encode(job.progress)):
            raise NotFound("The export has been removed meanwhile")
        copy.keep()
        if done:
            account_exports.set_ready(export.nid, now_ms(), now_ms() + lifetime_ms())


def _tell(task: LongTask, job: Job) -> None:
    progress = job.progress
    task.step = progress.phase
    task.total = room_files.count_rooms(job.account.user_nid) + 1
    task.done = progress.rooms_done + (progress.phase == "index")
    task.result = {
        "rooms": progress.rooms_done,
        "messages": progress.total_events,
        "files": progress.total_files,
    }
