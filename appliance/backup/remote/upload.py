"""Copying a backup elsewhere: what is not there yet, piece by piece, and its manifest last.

What must be known for the next step is in `state`, which is JSON; another process can go on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.backup import layout, media_list
from appliance.backup.errors import BackupError
from appliance.backup.layout import POOL, Stored
from appliance.backup.manifest import FILE
from appliance.backup.remote import removal
from appliance.backup.remote.pieces import pieces_of
from appliance.backup.remote.place import backups_in, own_folder, pool_name
from appliance.backup.remote.state import note_copies, note_fault
from appliance.backup.remote.store import RemoteError, is_configured, remote_title
from appliance.backup.remote.work import State, Tell, Work, is_done, put_list, rows_left, working
from appliance.config import get_config
from matrix_app.protocol.said import said

_LIST: Final = ".upload.jsonl"


def new_upload(id: str) -> State:
    """The state of an upload that has not begun."""
    return {"backup": id, "phase": "look"}


def upload(id: str, tell: Tell) -> None:
    """Copy a whole backup elsewhere in this process."""
    state = new_upload(id)
    while not upload_step(state, tell):
        continue


def upload_step(state: State, tell: Tell) -> bool:
    """Do the next step; True when the backup is there, and what need not be kept there is gone.

    Raises `RemoteError`, which is noted for the checks; the backup here is not touched.
    """
    if not is_configured():
        raise BackupError("No place elsewhere is configured any more")
    root = get_config().backup.dir
    try:
        with working(state, tell) as work:
            if state["phase"] == "look":
                _look(root, work)
            elif state["phase"] == "upload":
                _send(root, work)
            elif state["phase"] == "commit":
                _commit(root, work)
            elif state["phase"] == "tidy":
                removal.plan(root, work)
            else:
                return removal.remove_some(root, work)
    except RemoteError as fault:
        note_fault(remote_title(), fault.message)
        raise
    return False


def _look(root: Path, work: Work) -> None:
    """Find out what is there already, and write down what is not."""
    state, server = work.state, own_folder()
    stored = _stored(root, state)
    there = {file.name: file.size for file in work.store.files(f"{server}/{state['backup']}")}
    if f"{server}/{state['backup']}/{FILE}" in there:
        state["phase"] = "commit"
        return
    there |= {file.name: file.size for file in work.store.files(f"{server}/{POOL}")}
    missing = [row for row in _pieces(stored, server) if there.get(row[1]) != row[3]]
    put_list(root / _LIST, missing)
    state |= {"phase": "upload", "at": 0, "done": 0, "total": sum(row[3] for row in missing)}


def _stored(root: Path, state: State) -> Stored:
    if not (root / state["backup"] / FILE).is_file():
        raise BackupError(
            said(
                "The backup {backup} is not here any more; a newer one is copied instead",
                backup=state["backup"],
            )
        )
    return layout.find_backup(root, state["backup"])


def _pieces(stored: Stored, server: str) -> Iterator[tuple[str, str, int, int]]:
    """Every piece of a backup but its manifest: its file here, its name there, offset and size."""
    id = stored.manifest.id
    for file in media_list.pooled_of(stored.folder):
        for piece in pieces_of(pool_name(server, file.name), file.size):
            yield f"{POOL}/{file.name}", *piece
    for name, part in stored.manifest.parts.items():
        for piece in pieces_of(f"{server}/{id}/{name}", part.size):
            yield f"{id}/{name}", *piece


def _send(root: Path, work: Work) -> None:
    for file, name, offset, size in rows_left(root / _LIST, work):
        began = time.monotonic()
        work.store.put(name, _read(root / file, offset, size))
        work.went(size)
        work.rest(size, began)
    if is_done(root / _LIST, work.state):
        work.state["phase"] = "commit"


def _read(file: Path, offset: int, size: int) -> bytes:
    try:
        with file.open("rb") as stream:
            stream.seek(offset)
            found = stream.read(size)
    except FileNotFoundError:
        raise BackupError(
            said("{file} is not here any more; a newer backup is copied instead", file=file)
        ) from None
    if len(found) != size:
        raise BackupError(said("{file} is shorter than it was: verify the backup", file=file))
    return found


def _commit(root: Path, work: Work) -> None:
    """Write the manifest, with which the backup is there."""
    server, state = own_folder(), work.state
    stored = _stored(root, state)
    work.store.put(f"{server}/{state['backup']}/{FILE}", (stored.folder / FILE).read_bytes())
    removal.keep_list(root, stored)
    note_copies(work.store.title, backups_in(work.store, server), arrived=True)
    (root / _LIST).unlink(missing_ok=True)
    state["phase"] = "tidy"
