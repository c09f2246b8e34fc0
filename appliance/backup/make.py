"""Making a backup, piece by piece: the database, then files of media, then the rest and its manifest.

What must be known for the next piece is in `state`, which is JSON, so that another process can go on.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from appliance.backup import files, layout, media_list, media_pool
from appliance.backup.database_copy import Place, copy_database, present_database, told_seldom
from appliance.backup.errors import BackupError
from appliance.backup.keys import Seal, present_seal, proof_of
from appliance.backup.manifest import (
    FILE,
    FORMAT,
    PLAIN_FORMAT,
    Encryption,
    Manifest,
    MediaPart,
    part_of,
    proven_content,
)
from appliance.backup.parts import FACTS, write_part
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
        shutil.rmtree(layout.work_folder(state["id"]), ignore_errors=True)


def _draft(root: Path, state: State) -> Path:
    return root / f".{state['id']}.partial"


def _work(root: Path, state: State) -> Path:
    """Where plain data lies meanwhile: with what is whole, unless the backup is encrypted."""
    return layout.work_folder(state["id"]) if state["seal"] else _draft(root, state)


def _begin(root: Path, state: State, tell: Tell) -> None:
    _remove_abandoned(root)
    give_up(state)
    seal = present_seal()
    state["seal"] = seal.mark if seal else ""
    state["created_ts"] = now_ms()
    state["id"] = _free_id(root, state["created_ts"])
    folder, work = _draft(root, state), _work(root, state)
    folder.mkdir(mode=0o700)
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        progress = told_seldom(lambda done, total: tell("database", done, total))
        place = Place(folder, work, seal)
        facts, wanted = copy_database(present_database(), place, progress, media=state["media"])
    except BaseException:
        give_up(state)
        raise
    (work / _FACTS).write_bytes(msgspec.json.encode(facts))
    state["wanted"] = media_list.write_wanted(work, wanted, seal)
    state["phase"] = "media" if state["media"] else "finish"


def _free_id(root: Path, now: int) -> str:
    while (root / layout.new_id(now)).exists() or (root / f".{layout.new_id(now)}.partial").exists():
        now += 1000
    return layout.new_id(now)


def _remove_abandoned(root: Path) -> None:
    for folder in (*_unfinished(root), *layout.work_folders()):
        if folder.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _unfinished(root: Path) -> list[Path]:
    """What is being made, fetched, fetched to be looked at, or taken apart."""
    return [folder for kind in ("partial", "fetch", "check", "unpack") for folder in root.glob(f".*.{kind}")]


def _seal_of(state: State) -> Seal | None:
    """How the backup was begun to be encrypted; raises `BackupError` when that was changed meanwhile."""
    seal = present_seal()
    if (seal.mark if seal else "") != state["seal"]:
        give_up(state)
        raise BackupError("How backups are encrypted was changed while this one was made: make another")
    return seal


def _copy_media(root: Path, state: State, tell: Tell) -> None:
    folder, work, seal = _draft(root, state), _work(root, state), _seal_of(state)
    if not (folder.is_dir() and work.is_dir()):
        raise BackupError("What was there of this backup has been removed")
    if media_pool.copy_some(folder, work, seal, state):
        state["phase"] = "finish"
    tell("media", state.get("files", 0) + state.get("missing", 0), state["wanted"])


def _finish(root: Path, state: State, tell: Tell) -> None:
    folder, work, seal = _draft(root, state), _work(root, state), _seal_of(state)
    tell("manifest", 0, None)
    with tempfile.TemporaryFile(dir=work) as archive:
        files.pack(get_config(), archive)
        archive.seek(0)
        write_part(folder, layout.FILES, archive, seal)
    facts = msgspec.json.decode((work / _FACTS).read_bytes(), type=Facts)
    if seal is not None:
        _seal_lists(folder, work, seal)
    for hidden in (_FACTS, media_list.WANTED):
        (work / hidden).unlink(missing_ok=True)
    layout.write_whole(folder / FILE, _manifest(state, folder, facts, seal, tell))
    folder.rename(root / state["id"])
    layout.sync_folder(root)
    if seal is not None:
        shutil.rmtree(work, ignore_errors=True)
    keep_as_configured(root)


def _seal_lists(folder: Path, work: Path, seal: Seal) -> None:
    """Encrypt what was plain while the backup was made."""
    for name in (FACTS, layout.MEDIA):
        plain = work / (_FACTS if name == FACTS else name)
        if plain.is_file():
            with plain.open("rb") as source:
                write_part(folder, name, source, seal)


def _manifest(state: State, folder: Path, facts: Facts, seal: Seal | None, tell: Tell) -> bytes:
    tick = told_seldom(lambda done, total: tell("manifest", done, total))
    media = MediaPart(state.get("files", 0), state.get("bytes", 0), state.get("missing", 0))
    manifest = Manifest(
        format=FORMAT if seal else PLAIN_FORMAT,
        id=state["id"],
        reason=state["reason"],
        hearth_version=VERSION,
        server_name=get_config().server.name,
        engine=present_database().engine,  # type: ignore[arg-type]
        created_ts=state["created_ts"],
        finished_ts=now_ms(),
        migrations=facts.migrations,
        counts={} if seal else facts.counts,
        stream_position=0 if seal else facts.stream_position,
        parts={file.name: part_of(file, lambda: tick(0, None)) for file in sorted(folder.iterdir())},
        media=media if state["media"] else None,
        encryption=Encryption(seal.key) if seal else None,
    )
    if seal is not None:
        proof = proof_of(seal.identity, proven_content(msgspec.json.encode(manifest)))
        manifest = msgspec.structs.replace(manifest, encryption=Encryption(seal.key, proof))
    return msgspec.json.format(msgspec.json.encode(manifest))
