"""Fetching a backup from elsewhere into the folder of backups: only what is not here already.

What must be known for the next step is in `state`, which is JSON; another process can go on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.backup import layout, media_list
from appliance.backup.database_copy import check_space
from appliance.backup.errors import BackupError
from appliance.backup.layout import ID, POOL, Stored
from appliance.backup.manifest import FILE, Manifest, Part, parse_manifest, part_of
from appliance.backup.media_list import POOL_NAME, Pooled
from appliance.backup.remote.download import Joined, check_part, write_piece
from appliance.backup.remote.pieces import Piece, pieces_of
from appliance.backup.remote.place import manifest_bytes, own_folder, pool_name
from appliance.backup.remote.work import State, Tell, Work, is_done, put_list, rows_left, working
from appliance.backup.streams import Hashing, copy_exactly
from appliance.config import get_config
from matrix_app.protocol.said import said

_MANIFEST: Final = ".manifest.json"
_LIST: Final = ".fetch.jsonl"


def new_fetch(id: str, server: str = "") -> State:
    """The state of a download that has not begun, of this server's backup or of one by its folder there."""
    return {"backup": id, "server": server or own_folder(), "phase": "look"}


def fetch(id: str, tell: Tell) -> Stored:
    """Fetch a whole backup in this process."""
    state = new_fetch(id)
    while not fetch_step(state, tell):
        continue
    return layout.find_backup(get_config().backup.dir, id)


def fetch_step(state: State, tell: Tell) -> bool:
    """Do the next step; True when the backup is here. Raises `BackupError` when it is not whole there."""
    root = get_config().backup.dir
    with working(state, tell) as work:
        if state["phase"] == "look":
            return _look(root, work)
        draft = draft_of(root, state)
        os.utime(draft)  # somebody is at it
        if state["phase"] == "fetch":
            fetch_parts(draft, work, following="list")
        elif state["phase"] == "list":
            _list_media(root, draft, work)
        elif state["phase"] == "media":
            _fetch_media(root, draft, work)
        else:
            return _finish(root, draft, work)
    return False


def draft_of(root: Path, state: State) -> Path:
    """Where what has been fetched lies until it is whole."""
    return root / f".{state['backup']}.fetch"


def _look(root: Path, work: Work) -> bool:
    """Read the manifest, and write down what is to be fetched; True when the backup is here already."""
    state = work.state
    if not ID.fullmatch(state["backup"]):
        raise BackupError(said("{backup} is not the name of a backup", backup=state["backup"]))
    data = manifest_bytes(work.store, state["server"], state["backup"])
    here = root / state["backup"] / FILE
    if here.is_file():
        if here.read_bytes() != data:
            raise BackupError(
                said("There is another backup of the name {backup} here", backup=state["backup"])
            )
        return True
    begin_parts(draft_of(root, state), work, data)
    return False


def begin_parts(draft: Path, work: Work, data: bytes) -> Manifest:
    """Write down which pieces of parts are to be fetched into a folder."""
    state = work.state
    manifest = parse_manifest(data, f"the manifest of {state['backup']}")
    if manifest.id != state["backup"]:
        raise BackupError(said("The manifest of {backup} is that of another backup", backup=state["backup"]))
    draft.mkdir(mode=0o700, exist_ok=True)
    check_space(draft, manifest.size)
    (draft / _MANIFEST).write_bytes(data)
    rows = [
        (name, *piece)
        for name, part in manifest.parts.items()
        if not _is_here(draft / name, part)
        for piece in pieces_of(f"{state['server']}/{manifest.id}/{name}", part.size)
    ]
    put_list(draft / _LIST, rows)
    state |= {"phase": "fetch", "at": 0, "done": 0, "total": sum(row[3] for row in rows)}
    return manifest


def _is_here(file: Path, part: Part) -> bool:
    """Whether an attempt before has fetched a part."""
    return file.is_file() and file.stat().st_size == part.size and part_of(file) == part


def fetch_parts(draft: Path, work: Work, *, following: str) -> None:
    """Fetch pieces for some seconds; when there are none left, check the parts and go on to another phase."""
    for name, *piece in rows_left(draft / _LIST, work):
        write_piece(work, Piece(*piece), draft / name)
        work.went(piece[2])
    if is_done(draft / _LIST, work.state):
        manifest = manifest_of(draft)
        for name in manifest.parts:
            check_part(draft / name, manifest, name)
            work.tick()
        work.state["phase"] = following


def manifest_of(draft: Path) -> Manifest:
    """The manifest of what is being fetched."""
    return parse_manifest((draft / _MANIFEST).read_bytes(), str(draft))


def _list_media(root: Path, draft: Path, work: Work) -> None:
    """Write down which files of the pool are not here."""
    rows = list(_missing(root, draft))
    put_list(draft / _LIST, rows)
    total = sum(size for _, size, _ in rows)
    check_space(root, total)
    work.state |= {"phase": "media", "at": 0, "done": 0, "total": total, "lost": 0}


def _missing(root: Path, draft: Path) -> Iterator[tuple[str, int, str | None]]:
    for file, sha256 in media_list.hashed_of(draft):
        if not POOL_NAME.fullmatch(file.name):
            raise BackupError("The backup names files of media that cannot be")
        here = root / POOL / file.name
        if not here.is_file() or here.stat().st_size != file.size:
            yield file.name, file.size, sha256


def _fetch_media(root: Path, draft: Path, work: Work) -> None:
    for name, size, sha256 in rows_left(draft / _LIST, work):
        if not _fetch_file(root, work, Pooled(name, size), sha256):
            work.state["lost"] += 1
        work.went(size)
    if is_done(draft / _LIST, work.state):
        work.state["phase"] = "finish"


def _fetch_file(root: Path, work: Work, file: Pooled, sha256: str | None) -> bool:
    """Fetch a file of the pool; False when it is not there, or not as it was."""
    target = root / POOL / file.name
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}.draft")
    try:
        name = pool_name(work.state["server"], file.name)
        with Joined(work.store, name, file.size) as source, draft.open("wb") as out:
            seen = Hashing(target=out)
            is_whole = copy_exactly(source, seen, file.size)
            out.flush()
            os.fsync(out.fileno())
        if not (is_whole and seen.is_as(file.size, sha256)):
            return False
        draft.rename(target)
    except FileNotFoundError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def _finish(root: Path, draft: Path, work: Work) -> bool:
    """Make a backup of what was fetched."""
    (draft / _LIST).unlink(missing_ok=True)
    with layout.locked(root):
        (draft / _MANIFEST).rename(draft / FILE)
        layout.sync_folder(draft)
        draft.rename(root / work.state["backup"])
        layout.sync_folder(root)
    return True
