"""The key backup of a user: sealed with the recovery key, so that only they can open it."""

from __future__ import annotations

from typing import Final

import orjson

from matrix_app.services.account_export.account_files import to_json
from matrix_app.services.account_export.archive import Part
from matrix_app.services.account_export.progress import Job
from matrix_app.storage import key_backup_sessions, key_backups

PAGE: Final = 1000


def add_some(part: Part, job: Job) -> bool:
    """Add the next keys of the newest backup; whether there are no more."""
    backup = key_backups.newest(job.account.user_nid)
    if backup is None:
        return True
    progress = job.progress
    if progress.page == 0:
        facts = {
            "version": str(backup.version),
            "algorithm": backup.algorithm,
            "auth_data": orjson.loads(backup.auth_data),
            "count": backup.session_count,
        }
        part.add("keys/backup.json", to_json(facts))
    found = key_backup_sessions.after(backup.nid, progress.key, PAGE)
    progress.page += 1
    if found:
        sessions = [{**row._asdict(), "session_data": orjson.loads(row.session_data)} for row in found]
        part.add(f"keys/keys-{progress.page:04}.json", to_json(sessions))
        progress.key = (found[-1].room_id, found[-1].session_id)
        progress.total_keys += len(found)
    return len(found) < PAGE
