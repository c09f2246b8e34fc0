"""The files that a user uploaded, and a list of them."""

from __future__ import annotations

import re
from typing import Any, Final

from matrix_app.media.store import media_store
from matrix_app.services.account_export.account_files import to_json
from matrix_app.services.account_export.archive import Part
from matrix_app.services.account_export.pages import add_page, time_text
from matrix_app.services.account_export.progress import Job
from matrix_app.storage import media
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.media import MediaRow

PAGE: Final = 100
# What a name of a file may have on every system.
_STRANGE: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')
_LONGEST_NAME: Final = 100


def add_some(part: Part, job: Job, most_bytes: int) -> bool:
    """Add the next files, until the part is large, and a list of them; whether there are no more."""
    rows = media.uploaded_by(job.account.user_nid, job.progress.media_nid, PAGE)
    listed: list[dict[str, Any]] = []
    for row in rows:
        if part.size >= most_bytes:
            break
        listed.append(_listed(row, _copied(part, row) if job.options.media else None))
        job.progress.media_nid = row.nid
        job.progress.total_files += 1
    if listed:
        job.progress.page += 1
        name = f"media/list-{job.progress.page:04}"
        part.add(f"{name}.json", to_json(listed))
        add_page(part, job, f"{name}.html", "media", files=[_shown(entry) for entry in listed])
    return len(listed) == len(rows) < PAGE


def _copied(part: Part, row: MediaRow) -> str | None:
    """Where a file is in the archive; None where it may not be served, or has been lost."""
    if row.location is None or row.size is None:
        return None
    if row.quarantined_ts is not None or row.blocked_ts is not None:
        return None
    try:
        source = media_store().open(row.location)
    except FileNotFoundError:
        return None
    path = f"media/{row.media_id}/{name_of(row.file_name)}"
    with source:
        part.copy(path, source, row.size)
    return path


def name_of(file_name: str | None) -> str:
    """A name for a file that every system can write."""
    name = _STRANGE.sub("_", file_name or "").strip(" .")[-_LONGEST_NAME:].strip(" .")
    return name or "file"


def _listed(row: MediaRow, path: str | None) -> dict[str, Any]:
    return {
        "url": f"mxc://{local_server_name()}/{row.media_id}",
        "file_name": row.file_name,
        "content_type": row.content_type,
        "size": row.size,
        "created_ts": row.created_ts,
        "quarantined": row.quarantined_ts is not None or row.blocked_ts is not None,
        "path": path,
    }


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    path = entry["path"]
    return {
        **entry,
        "time": time_text(entry["created_ts"]),
        "name": entry["file_name"] or entry["url"],
        # The list is in the folder of the files.
        "link": None if path is None else path.removeprefix("media/"),
    }
