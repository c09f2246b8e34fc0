"""The beginning of an archive: what is in it, and what the files are."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.version import VERSION
from matrix_app.services.account_export.account_files import to_json
from matrix_app.services.account_export.archive import Part
from matrix_app.services.account_export.pages import add_page, time_text
from matrix_app.services.account_export.progress import Job
from matrix_app.services.room_names import room_name
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name


def add_index(part: Part, job: Job, names: Sequence[str]) -> None:
    """Add what leads to everything else; `names` are the files that are in the archive."""
    progress, now = job.progress, now_ms()
    counts = {
        "rooms": progress.rooms_done,
        "events": progress.total_events,
        "files": progress.total_files,
        "keys": progress.total_keys,
    }
    about = {
        "user_id": job.account.user_id,
        "server_name": local_server_name(),
        "made_ts": now,
        "made_by": f"Hearth {VERSION}",
        "what_others_wrote": job.options.history,
        "uploaded_files": job.options.media,
        "sealed_secrets_and_keys": job.options.sealed,
        **counts,
    }
    part.add("about.json", to_json(about))
    add_page(
        part,
        job,
        "index.html",
        "index",
        time=time_text(now),
        options=job.options,
        counts=counts,
        rooms=_rooms(job, names),
        lists=[name for name in names if name.startswith("media/list-") and name.endswith(".html")],
        account=[name for name in names if name.startswith("account/")],
        keys=[name for name in names if name.startswith("keys/")],
    )


def _rooms(job: Job, names: Sequence[str]) -> list[tuple[str, str]]:
    """The names of the rooms and where their pages are."""
    found = [name for name in names if name.startswith("rooms/") and name.endswith("/index.html")]
    named = [(room_name(int(name.split("/")[1]), job.account.user_nid), name) for name in found]
    return sorted(named, key=lambda room: room[0].casefold())
