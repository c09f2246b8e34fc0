"""Uploading to the content repository, at once or to an ID that was made in advance."""

from __future__ import annotations

import secrets
from typing import IO, Final, NamedTuple

from appliance.config import get_config
from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import CannotOverwriteMedia, Forbidden, LimitExceeded, NotFound, TooLarge
from matrix_app.protocol.ids import Mxc, ServerName
from matrix_app.protocol.said import said
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.store_media import GivenFile, keep, refuse_without_space, staged_file
from matrix_app.storage import db, interning, media
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.media import MediaRow
from matrix_app.storage.user_lock import lock_user

HOUR_MS: Final = 3_600_000


class Upload(NamedTuple):
    """What a client sends: the bytes, how many, and what it says of them."""

    file: IO[bytes]
    size: int
    content_type: str | None
    file_name: str | None


class Reservation(NamedTuple):
    """An ID that can be uploaded to for a while."""

    mxc: Mxc
    expires_ts: int


def upload(requester: Requester, given: Upload) -> Mxc:
    """Store a file; its `mxc://` URI."""
    _check(requester, given.size)
    mxc = _new_mxc()
    authenticated = get_config().media.require_login
    with staged_file(_described(given)) as (facts, copy), db.write():
        _keep_quota(requester.user_nid, copy.size)
        keep(copy)
        server_nid, user_nid = interning.server_nid(mxc.server_name), requester.user_nid
        media.insert(server_nid, mxc.media_id, user_nid, facts, now_ms(), authenticated=authenticated)
    return mxc


def reserve(requester: Requester) -> Reservation:
    """Make an `mxc://` URI to upload to later; raises `LimitExceeded` for who has too many of them."""
    refuse_suspended(requester)
    config, mxc, now = get_config().media, _new_mxc(), now_ms()
    # "The recommended default expiration is 24 hours"
    expires_ts = now + config.pending_upload_hours * HOUR_MS
    with db.write():
        lock_user(requester.user_nid)
        if media.pending(requester.user_nid, now) >= config.max_pending_uploads:
            raise LimitExceeded(60_000, "You have too many media that have not been uploaded yet")
        server_nid = interning.server_nid(mxc.server_name)
        media.reserve(server_nid, mxc.media_id, requester.user_nid, now, expires_ts)
    return Reservation(mxc, expires_ts)


def upload_reserved(requester: Requester, mxc: Mxc, given: Upload) -> None:
    """Upload to an ID that the same user has reserved."""
    _check(requester, given.size)
    row = _reserved(requester, mxc)
    authenticated = get_config().media.require_login
    with staged_file(_described(given)) as (facts, copy), db.write():
        _keep_quota(requester.user_nid, copy.size)
        keep(copy)
        if not media.fill(row.nid, facts, authenticated=authenticated):
            if media.find(*mxc) is None:
                raise NotFound("The media ID has expired")
            raise CannotOverwriteMedia("This has been uploaded already")


def _described(given: Upload) -> GivenFile:
    return GivenFile(given.file, given.content_type, given.file_name)


def _new_mxc() -> Mxc:
    return Mxc(ServerName(local_server_name()), secrets.token_urlsafe(18))


def _check(requester: Requester, size: int) -> None:
    refuse_suspended(requester)
    most = get_config().media.max_upload_bytes
    if size > most:
        raise TooLarge(said("Files larger than {size} bytes cannot be uploaded", size=most))
    _check_quota(requester.user_nid, size)
    refuse_without_space(size)


def _keep_quota(user_nid: int, size: int) -> None:
    """Check again, while nothing else of the user is being stored."""
    if get_config().media.user_quota_bytes:
        lock_user(user_nid)
        _check_quota(user_nid, size)


def _check_quota(user_nid: int, size: int) -> None:
    quota = get_config().media.user_quota_bytes
    if not quota:
        return
    # "The user has reached a quota for uploaded content."
    if media.used_bytes(user_nid) + size > quota:
        raise Forbidden(said("You may not upload more than {size} bytes, all files together", size=quota))


def _reserved(requester: Requester, mxc: Mxc) -> MediaRow:
    row = media.find(mxc.server_name, mxc.media_id) if mxc.server_name == local_server_name() else None
    if row is None:
        raise NotFound("Unknown media ID")
    # "The request comes from a different user than the one that called POST /_matrix/media/v1/create."
    if row.user_nid != requester.user_nid:
        raise Forbidden("Somebody else has made this media ID")
    if row.sha256 is not None:
        raise CannotOverwriteMedia("This has been uploaded already")
    if row.expires_ts is not None and row.expires_ts <= now_ms():
        raise NotFound("The media ID has expired")
    return row
