"""Removing media, a hundred in one short transaction, and from the store what nobody refers to any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.protocol.ids import Mxc, ServerName, parse_media_id
from matrix_app.services import audit
from matrix_app.services.audit import HEARTH, Actor
from matrix_app.services.remove_files import remove_soon
from matrix_app.storage import accounts, db, interning, media, media_files, media_sweep, profiles, summaries
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.media_sweep import Old, Removable

BATCH: Final = 100
# One call removes at most so many; it can be called again.
MOST: Final = 50_000


class Removed(NamedTuple):
    """What has been removed; `size` is in bytes, files counted that other media still are."""

    media_ids: list[str]
    size: int


def remove_entries(entries: Sequence[Removable]) -> None:
    """Remove entries in one transaction; their files go once it is committed, unless other media are them."""
    with db.write():
        for entry in entries:
            media.remove(entry.nid)
        locations: list[str] = []
        # In one order, so that two who remove the same files do not wait for each other.
        for sha256 in sorted({entry.sha256 for entry in entries if entry.sha256 is not None}):
            locations += media_files.remove_unused(sha256)
        remove_soon(locations)


def remove_all(find: Callable[[], Sequence[Removable]], most: int = MOST) -> Removed:
    """Remove what `find` finds, again and again, until that is nothing."""
    removed = Removed([], 0)
    while len(removed.media_ids) < most and (entries := find()):
        remove_entries(entries)
        removed.media_ids.extend(entry.media_id for entry in entries)
        removed = removed._replace(size=removed.size + sum(entry.size for entry in entries))
    return removed


def discard(mxc: Mxc) -> None:
    """Remove what Hearth itself has put there for a moment; that is in no log. Raises `NotFound`."""
    remove_entries(_found(mxc))


def _found(mxc: Mxc) -> Sequence[Removable]:
    server_nid = interning.find_server(mxc.server_name)
    entries = [] if server_nid is None else media_sweep.one(server_nid, mxc.media_id)
    if not entries:
        raise NotFound("There are no such media")
    return entries


def remove_one(actor: Actor, mxc: Mxc) -> Removed:
    """Remove media of this server or of another one; raises `NotFound`."""
    entries = _found(mxc)
    with db.write():
        audit.record(actor, "media.remove", str(mxc))
        remove_entries(entries)
    return Removed([mxc.media_id], entries[0].size)


def remove_some(actor: Actor, mxcs: Sequence[Mxc]) -> Removed:
    """Remove several media; those that are not there are left out."""
    removed = Removed([], 0)
    for mxc in mxcs:
        try:
            one = remove_one(actor, mxc)
        except NotFound:
            continue
        removed = Removed([*removed.media_ids, *one.media_ids], removed.size + one.size)
    return removed


def remove_of_user(actor: Actor, user_id: str, user_nid: int) -> Removed:
    """Remove all that a user of this server has uploaded, and what is announced but not uploaded."""
    removed = remove_all(lambda: media_sweep.of_user(user_nid, BATCH))
    audit.record(actor, "media.remove_of_user", user_id, media=len(removed.media_ids), bytes=removed.size)
    return removed


def erase_of_user(user_nid: int) -> None:
    """Remove all that a user has uploaded whose account was erased: called by the worker."""
    account = accounts.get(user_nid)
    if account is not None and account.erased:
        remove_of_user(HEARTH, account.user_id, user_nid)


def remove_old(actor: Actor, old: Old, *, keep_portraits: bool = True) -> Removed:
    """Remove old media of users here, but for what is protected or quarantined.

    With `keep_portraits`, pictures of their uploaders and of rooms stay too.
    """
    after = 0

    def find() -> list[Removable]:
        nonlocal after
        while entries := media_sweep.of_users(old, after, BATCH):
            after = entries[-1].nid
            if keep_portraits:
                entries = _without_portraits(entries)
            if entries:
                return entries
        return []

    removed = remove_all(find)
    details = {"media": len(removed.media_ids), "bytes": removed.size, "unused_since": old.unused_since}
    audit.record(actor, "media.remove_old", "", larger_than=old.larger_than, **details)
    return removed


def remove_fetched(actor: Actor, unused_since: int) -> Removed:
    """Remove media of other servers that were last asked for before a time; the quarantined stay."""
    local_nid = interning.server_nid(local_server_name())
    removed = remove_all(lambda: media_sweep.of_others(local_nid, unused_since, BATCH))
    details = {"media": len(removed.media_ids), "bytes": removed.size}
    audit.record(actor, "media.remove_fetched", "", unused_since=unused_since, **details)
    return removed


def local_mxc(server_name: str, media_id: str) -> Mxc:
    """The URI of media of this server; raises `InvalidParam` for those of another."""
    if server_name != local_server_name():
        raise InvalidParam("The media do not belong to this server")
    return Mxc(ServerName(server_name), parse_media_id(media_id))


def _without_portraits(entries: Sequence[Removable]) -> list[Removable]:
    names = profiles.names_of({entry.user_nid for entry in entries if entry.user_nid is not None})
    uris = {entry.nid: f"mxc://{local_server_name()}/{entry.media_id}" for entry in entries}
    used = {found.avatar_url for found in names.values()} | summaries.avatars_among(uris.values())
    return [entry for entry in entries if uris[entry.nid] not in used]
