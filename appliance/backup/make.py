"""Making a backup, piece by piece: the database, then files of media, then the rest and its manifest.

What must be known for the next piece is in `state`, which is JSON, so that another process can go on.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from appliance.backup import files, layout, media_pool
from appliance.backup.database_copy import copy_database, present_database, told_seldom
from appliance.backup.errors import BackupError
from appliance.backup.manifest import FILE, FORMAT, Manifest, MediaPart, part_of
from appliance.backup.retention import keep_as_configured
from appliance.config import get_config
from appliance.version import VERSION
from matrix_app.storage.clock import now_ms
from matrix_app.storage.snapshot_facts import Facts

State = dict[str, Any]
# Called with what is being done, how much of it is done, and of how much; raises to end the work.
Tell = Callable[[str, int, int | None], None]

BEFORE_UPGRADE: Final = "upgrade"
_FACTS: Final = ".facts.json"
# Of a backup whose making nobody went on with for so long nothing is kept.
_ABANDONED_SECONDS: Final = 24 * 3600


def new_state(reason: str, *, media: bool | None = None) -> State:
    """The state of a backup that has not begun."""
    return {
        "reason": reason,
        "phase": "database",
        "media": get_config().backup.media if media is None else media,
    }


def make(reason: str, tell: Tell, *, media: bool | None = None) -> layout.Stored:
    """Make a whole backup in this process."""
    state = new_state(reason, media=media)
    while not step(state, tell):
        continue
    return layout.find_backup(get_config().backup.dir, state["id"])


def step(state: State, tell: Tell) -> bool:
    """Do the next piece; True when the backup is whole, under the name `state["id"]`."""
    root = get_config().backup.dir
    with layout.locked(root):
        if state["phase"] == "database":
            _begin(root, state, tell)
        elif state["phase"] == "media":
            _copy_media(root, state, tell)
        else:
            _finish(root, state, tell)
            return True
    return False


def give_up(state: State) -> None:
    """Remove what there is of a backup that will not be made."""
    if "id" in state:
        shutil.rmtree(_draft(get_config().backup.dir, state), ignore_errors=True)


def _draft(root: Path, state: State) -> Path:
    return root / f".{state['id']}.partial"


def _begin(root: Path, state: State, tell: Tell) -> None:
    _remove_abandoned(root)
    give_up(state)
    state["created_ts"] = now_ms()
    state["id"] = _free_id(root, state["created_ts"])
    folder = _draft(root, state)
    folder.mkdir(mode=0o700)
    try:
        progress = told_seldom(lambda done, total: tell("database", done, total))
        facts, wanted = copy_database(present_database(), folder, progress, media=state["media"])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    (folder / _FACTS).write_bytes(msgspec.json.encode(facts))
    state["wanted"] = media_pool.write_wanted(folder, wanted)
    state["phase"] = "media" if state["media"] else "finish"


def _free_id(root: Path, now: int) -> str:
    while (root / layout.new_id(now)).exists() or (root / f".{layout.new_id(now)}.partial").exists():
        now += 1000
    return layout.new_id(now)


def _remove_abandoned(root: Path) -> None:
    for folder in root.glob(".*.partial"):
        if folder.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _copy_media(root: Path, state: State, tell: Tell) -> None:
    folder = _draft(root, state)
    if not folder.is_dir():
        raise BackupError("What was there of this backup has been removed")
    if media_pool.copy_some(root, folder, state):
        state["phase"] = "finish"
    tell("media", state.get("files", 0) + state.get("missing", 0), state["wanted"])


def _finish(root: Path, state: State, tell: Tell) -> None:
    folder, config = _draft(root, state), get_config()
    tell("manifest", 0, None)
    files.pack(config, folder / layout.FILES)
    facts = msgspec.json.decode((folder / _FACTS).read_bytes(), type=Facts)
    for hidden in (_FACTS, media_pool.WANTED):
        (folder / hidden).unlink(missing_ok=True)
    media = MediaPart(state.get("files", 0), state.get("bytes", 0), state.get("missing", 0))
    manifest = Manifest(
        format=FORMAT,
        id=state["id"],
        reason=state["reason"],
        hearth_version=VERSION,
        server_name=config.server.name,
        engine=present_database().engine,  # type: ignore[arg-type]
        created_ts=state["created_ts"],
        finished_ts=now_ms(),
        migrations=facts.migrations,
        counts=facts.counts,
        stream_position=facts.stream_position,
        parts={file.name: part_of(file) for file in sorted(folder.iterdir())},
        media=media if state["media"] else None,
    )
    layout.write_whole(folder / FILE, msgspec.json.format(msgspec.json.encode(manifest)))
    folder.rename(root / state["id"])
    layout.sync_folder(root)
    keep_as_configured(root)
