"""Verifying a backup where it lies elsewhere.

Its parts are fetched and restored into a scratch place; its media are read there and thrown away.

What must be known for the next step is in `state`, which is JSON; another process can go on.
"""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path
from typing import Final

from appliance.backup import media_list, media_pool
from appliance.backup.errors import BackupError
from appliance.backup.keys import Keys
from appliance.backup.layout import Stored
from appliance.backup.manifest import FILE, Verdict, packed_faults, read_again
from appliance.backup.media_list import Listed, Pooled
from appliance.backup.media_pool import MOST_FAULTS
from appliance.backup.parts import OpenBackup, open_backup
from appliance.backup.remote.download import Joined
from appliance.backup.remote.fetch import begin_parts, fetch_parts, manifest_of, new_fetch
from appliance.backup.remote.place import manifest_bytes, pool_name
from appliance.backup.remote.state import note_verdict
from appliance.backup.remote.store import RemoteError
from appliance.backup.remote.work import State, Tell, Work, working
from appliance.backup.streams import Hashing
from appliance.backup.verify import inner_faults
from appliance.config import get_config
from matrix_app.protocol.said import packed
from matrix_app.storage.clock import now_ms

_FOLDER: Final = ".{}.check"


def new_check(id: str) -> State:
    """The state of a verification that has not begun."""
    return {**new_fetch(id), "faults": []}


def verify_elsewhere(id: str, tell: Tell, given: Keys | None = None) -> Verdict:
    """Verify a backup where it lies elsewhere, in this process; the verdict is noted."""
    state = new_check(id)
    while not check_step(state, tell, given):
        continue
    return read_again(Verdict(now_ms(), state["faults"]))


def check_step(state: State, tell: Tell, given: Keys | None = None) -> bool:
    """Do the next step; True when the verdict is noted, whose faults are in `state`."""
    root = get_config().backup.dir
    folder = root / _FOLDER.format(state["backup"])
    with working(state, tell) as work:
        try:
            if not _step(folder, work, tell, given):
                return False
        except BackupError as fault:
            if state["phase"] != "fetch":
                raise
            state["faults"].append(packed(fault.message))
        note_verdict(work.store.title, state["backup"], Verdict(now_ms(), state["faults"]))
        give_up_check(state)
        return True


def give_up_check(state: State) -> None:
    """Remove what was fetched to be looked at."""
    folder = get_config().backup.dir / _FOLDER.format(state["backup"])
    shutil.rmtree(folder, ignore_errors=True)


def _step(folder: Path, work: Work, tell: Tell, given: Keys | None) -> bool:
    state = work.state
    if state["phase"] == "look":
        begin_parts(folder, work, manifest_bytes(work.store, state["server"], state["backup"]))
    elif state["phase"] == "fetch":
        fetch_parts(folder, work, following="database")
    elif state["phase"] == "database":
        opened = _opened(folder, given)
        state["faults"] += packed_faults(inner_faults(opened, tell), MOST_FAULTS)
        media = opened.manifest.media
        state |= {"phase": "media", "at": 0, "done": 0, "total": media.files if media else 0}
    else:
        return _read_media(_opened(folder, given), work)
    return False


def _opened(folder: Path, given: Keys | None) -> OpenBackup:
    manifest = manifest_of(folder)
    (folder / FILE).write_bytes((folder / ".manifest.json").read_bytes())
    return open_backup(Stored(folder, manifest, None), given)


def _read_media(opened: OpenBackup, work: Work) -> bool:
    """Read files of media for some seconds; True when there are none left."""
    state, folder = work.state, opened.stored.folder
    with media_pool.listed(opened) as files:
        pairs = zip(files, media_list.pooled_of(folder), strict=True)
        for one, pooled in islice(pairs, state["at"], None):
            if fault := _fault(opened, work, one, pooled):
                state["faults"].append(packed(fault))
            state["at"] += 1
            work.went(1)
            if len(state["faults"]) >= MOST_FAULTS:
                return True
            if work.is_over:
                return False
    return True


def _fault(opened: OpenBackup, work: Work, one: Listed, pooled: Pooled) -> str:
    seen = Hashing()
    try:
        with Joined(work.store, pool_name(work.state["server"], pooled.name), pooled.size) as source:
            opened.pour_from(source, seen)
    except FileNotFoundError:
        return one.missing
    except RemoteError:
        raise
    except BackupError:
        return one.damaged
    return "" if seen.is_as(one.size, one.sha256) else one.damaged
