"""Removing elsewhere what need not be kept there: old backups, broken uploads, media of none of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from operator import ne
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import structlog

from appliance.backup import media_list
from appliance.backup.errors import BackupError
from appliance.backup.layout import ID, MEDIA, POOL, POOL_LIST, Stored
from appliance.backup.manifest import FILE, Manifest
from appliance.backup.media_list import Pooled
from appliance.backup.remote.download import fetch_part
from appliance.backup.remote.pieces import pieces_of
from appliance.backup.remote.place import backups_in, own_folder, pool_name
from appliance.backup.remote.state import note_copies
from appliance.backup.remote.work import Work, is_done, put_list, rows_left
from appliance.backup.retention import to_keep
from appliance.config import get_config
from appliance.config.sections.backup import Backup

_LIST: Final = ".removal.jsonl"
# Which files of the pool each backup elsewhere has: lists that would otherwise have to be fetched.
_LISTS: Final = ".remote-lists"

_log = structlog.get_logger(__name__)


class _There(NamedTuple):
    """Backups that stay, names of what goes, and backups that this version does not understand."""

    kept: list[Manifest]
    gone: list[str]
    strange: list[str]


def plan(root: Path, work: Work) -> None:
    """Write down what is to be removed, in an order in which nothing half there passes for a backup."""
    server = own_folder()
    there = _look(work, server)
    names = there.gone
    if names and not there.strange:
        names += _unused(root, work, server, there.kept)
    put_list(root / _LIST, ((name,) for name in names))
    work.state |= {"phase": "remove", "at": 0, "done": 0, "total": len(names)}


def _look(work: Work, server: str) -> _There:
    manifests = {one.id: one for one in backups_in(work.store, server)}
    kept = to_keep(list(manifests.values()), _settings())
    there = _There([one for id, one in manifests.items() if id in kept], [], [])
    for id in sorted(set(filter(ID.fullmatch, work.store.folders(server))) - kept):
        names = [file.name for file in work.store.files(f"{server}/{id}")]
        manifest = f"{server}/{id}/{FILE}"
        if manifest in names and id not in manifests:
            there.strange.append(id)
        else:
            there.gone.extend(sorted(names, key=partial(ne, manifest)))
    return there


def _settings() -> Backup:
    backup = get_config().backup
    return msgspec.structs.replace(
        backup,
        keep_daily=backup.remote_keep_daily,
        keep_weekly=backup.remote_keep_weekly,
        keep_monthly=backup.remote_keep_monthly,
    )


def _unused(root: Path, work: Work, server: str, kept: list[Manifest]) -> list[str]:
    """The files of the pool that no backup there has; none when that cannot be told."""
    used: set[str] = set()
    try:
        for one in kept:
            for file in _listed(root, work, server, one):
                used.update(piece.name for piece in pieces_of(pool_name(server, file.name), file.size))
    except BackupError as fault:
        _log.warning("files of media elsewhere are not tidied", reason=fault.message)
        return []
    return [file.name for file in work.store.files(f"{server}/{POOL}") if file.name not in used]


def keep_list(root: Path, stored: Stored) -> None:
    """Remember which files of the pool a backup has that was copied, for when it is not here any more."""
    _keep(root, stored.manifest.id, media_list.pooled_of(stored.folder))


def _keep(root: Path, id: str, files: Iterator[Pooled]) -> None:
    (root / _LISTS).mkdir(mode=0o700, exist_ok=True)
    draft = root / _LISTS / f".{id}.draft"
    put_list(draft, files)
    draft.rename(root / _LISTS / f"{id}.jsonl")


def _listed(root: Path, work: Work, server: str, one: Manifest) -> Iterator[Pooled]:
    """The files of the pool that a backup elsewhere has."""
    kept = root / _LISTS / f"{one.id}.jsonl"
    if not kept.is_file():
        name = next((name for name in (POOL_LIST, MEDIA) if name in one.parts), None)
        with tempfile.TemporaryDirectory(dir=root, prefix=".list-") as folder:
            if name is not None:
                fetch_part(work, server, one, name, Path(folder))
            _keep(root, one.id, media_list.pooled_of(Path(folder)))
    return media_list.read_pooled(kept)


def remove_some(root: Path, work: Work) -> bool:
    """Remove for some seconds; True when nothing is left to be removed."""
    for (name,) in rows_left(root / _LIST, work):
        work.store.remove(name)
        work.went(1)
    if not is_done(root / _LIST, work.state):
        return False
    if work.state["total"]:
        there = backups_in(work.store, own_folder())
        note_copies(work.store.title, there, arrived=False)
        _forget_lists(root, {one.id for one in there})
    (root / _LIST).unlink(missing_ok=True)
    return True


def _forget_lists(root: Path, there: set[str]) -> None:
    for file in (root / _LISTS).glob("*.jsonl"):
        if file.stem not in there:
            file.unlink(missing_ok=True)
