"""All backups there are, here and elsewhere, and where each of them is."""

from __future__ import annotations

from typing import NamedTuple

from appliance.backup.layout import Stored, stored_backups
from appliance.backup.manifest import Manifest, Verdict
from appliance.backup.remote.place import backups_in, own_folder
from appliance.backup.remote.state import Copy, note_copies, read_state
from appliance.backup.remote.store import RemoteError, Tick, is_configured, open_store, remote_title
from appliance.config import get_config
from matrix_app.protocol.errors import NotFound


class Placed(NamedTuple):
    """A backup; `here` is None when it is only elsewhere."""

    manifest: Manifest
    here: Stored | None
    is_elsewhere: bool
    remote_verdict: Verdict | None


class Known(NamedTuple):
    """A backup by what is known without asking anybody: `here`, elsewhere (`copy`), or both."""

    id: str
    created_ts: int
    size: int
    media_size: int | None
    key: str
    here: Stored | None
    copy: Copy | None


def known_backups() -> list[Known]:
    """The backups, the newest first."""
    stored = {one.manifest.id: one for one in stored_backups(get_config().backup.dir)}
    copies = {copy.id: copy for copy in read_state(remote_title()).copies} if is_configured() else {}
    found = [_known(stored.get(id), copies.get(id)) for id in {**stored, **copies}]
    return sorted(found, key=lambda one: one.created_ts, reverse=True)


def known_backup(id: str) -> Known:
    """A backup by its name; raises `NotFound`."""
    found = next((one for one in known_backups() if one.id == id), None)
    if found is None:
        raise NotFound("There is no such backup")
    return found


def _known(here: Stored | None, copy: Copy | None) -> Known:
    if here is None:
        assert copy is not None
        return Known(copy.id, copy.created_ts, copy.size, copy.media_size, copy.key, None, copy)
    manifest = here.manifest
    key = manifest.encryption.key if manifest.encryption else ""
    media = manifest.media.size if manifest.media else None
    return Known(manifest.id, manifest.created_ts, manifest.size, media, key, here, copy)


class Places(NamedTuple):
    """The backups, the newest first; what the place elsewhere is called, and why it could not be asked."""

    backups: list[Placed]
    title: str = ""
    fault: str = ""


def look_everywhere(tick: Tick) -> Places:
    """Look here, and ask the place elsewhere, where one is configured."""
    stored = {one.manifest.id: one for one in stored_backups(get_config().backup.dir)}
    if not is_configured():
        return Places([Placed(one.manifest, one, False, None) for one in stored.values()])
    title = remote_title()
    try:
        with open_store(tick) as store:
            there = {one.id: one for one in backups_in(store, own_folder())}
    except RemoteError as fault:
        known = {copy.id for copy in read_state(title).copies}
        found = [_placed(one.manifest, one, one.manifest.id in known) for one in stored.values()]
        return Places(found, title, fault.message)
    note_copies(title, list(there.values()), arrived=False)
    manifests = {**there, **{id: one.manifest for id, one in stored.items()}}
    placed = [_placed(one, stored.get(id), id in there) for id, one in manifests.items()]
    return Places(sorted(placed, key=lambda one: one.manifest.created_ts, reverse=True), title)


def _placed(manifest: Manifest, here: Stored | None, is_elsewhere: bool) -> Placed:
    copies = {copy.id: copy for copy in read_state(remote_title()).copies}
    copy = copies.get(manifest.id) if is_elsewhere else None
    return Placed(manifest, here, is_elsewhere, copy.verdict if copy else None)
