"""Quarantine of media, protection from it, and files that are blocked whoever sends them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from matrix_app.protocol.errors import NotFound
from matrix_app.protocol.ids import Mxc
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.services.remove_files import remove_soon
from matrix_app.services.room_media import media_of_room
from matrix_app.storage import db, interning, media, media_files, media_moderation
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.rooms import RoomIdentity

BATCH: Final = 500


def quarantine(actor: Actor, mxc: Mxc) -> int:
    """Serve media to nobody any more, nor any other media that are the same file; how many.

    The file is blocked, too. Protected media, and what is the same file as they, are left as they are.
    Media of another server that are not here never will be. Raises `NotFound`.
    """
    with db.write():
        server_nid = interning.server_nid(mxc.server_name)
        row = media.find(*mxc)
        if row is None:
            if mxc.server_name == local_server_name():
                raise NotFound("There are no such media")
            media_moderation.hold_place(server_nid, mxc.media_id, actor.user_nid, now_ms())
            count = 1
        elif row.sha256 is None:
            count = media_moderation.quarantine(server_nid, [mxc.media_id], actor.user_nid, now_ms())
        else:
            count = _quarantine_file(actor, row.sha256)
        audit.record(actor, "media.quarantine", str(mxc), media=count)
    return count


def _quarantine_file(actor: Actor, sha256: bytes) -> int:
    if media_moderation.is_protected(sha256):
        return 0
    media_files.set_blocked(sha256, actor.user_nid, now_ms())
    return media_moderation.quarantine_file(sha256, actor.user_nid, now_ms())


def end_quarantine(actor: Actor, mxc: Mxc) -> None:
    """Serve media again, and all others that are the same file; raises `NotFound`."""
    with db.write():
        row = media.find(*mxc)
        if row is None:
            raise NotFound("There are no such media")
        if row.sha256 is None:
            media.remove(row.nid)  # it only held the place
        else:
            media_files.unblock(row.sha256)
            media_moderation.end_quarantine(row.sha256)
        audit.record(actor, "media.end_quarantine", str(mxc))


def quarantine_of_user(actor: Actor, user_id: str, user_nid: int) -> int:
    """Quarantine all that a user has uploaded; how many media."""
    with db.write():
        count = media_moderation.quarantine_of_user(user_nid, actor.user_nid, now_ms())
        audit.record(actor, "media.quarantine_of_user", user_id, media=count)
    return count


def quarantine_of_room(actor: Actor, room: RoomIdentity) -> int:
    """Quarantine all media that events of a room show, as far as they are here; how many.

    Events that are encrypted do not tell.
    """
    count = 0
    for mxcs in media_of_room(room):
        count += _quarantine_all(actor, mxcs)
    audit.record(actor, "media.quarantine_of_room", room.room_id, media=count)
    return count


def _quarantine_all(actor: Actor, mxcs: Iterable[Mxc]) -> int:
    by_server: dict[str, list[str]] = defaultdict(list)
    for mxc in mxcs:
        by_server[mxc.server_name].append(mxc.media_id)
    count = 0
    for server_name, media_ids in by_server.items():
        server_nid = interning.find_server(server_name)
        if server_nid is not None:
            with db.write():
                count += media_moderation.quarantine(server_nid, media_ids, actor.user_nid, now_ms())
    return count


def set_protected(actor: Actor, mxc: Mxc, protected: bool) -> None:
    """Protect media from quarantine, as those that many use, or not any more; raises `NotFound`."""
    with db.write():
        server_nid = interning.server_nid(mxc.server_name)
        if not media_moderation.set_protected(server_nid, mxc.media_id, now_ms() if protected else None):
            raise NotFound("There are no such media")
        audit.record(actor, "media.protect" if protected else "media.end_protection", str(mxc))


def block_file(actor: Actor, sha256: bytes, *, remove: bool = False) -> None:
    """Take a file from nobody and serve it to nobody; with `remove`, it goes from the store too."""
    with db.write():
        media_files.set_blocked(sha256, actor.user_nid, now_ms())
        if remove:
            remove_soon(media_files.remove(sha256))
        audit.record(actor, "media.block", sha256.hex(), removed=remove)


def unblock_file(actor: Actor, sha256: bytes) -> None:
    """Let a file be used again; one that was removed has to be uploaded or fetched again."""
    with db.write():
        media_files.unblock(sha256)
        audit.record(actor, "media.unblock", sha256.hex())
