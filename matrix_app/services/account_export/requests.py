"""Asking for an archive of an account, fetching it, and removing it when its time is over."""

from __future__ import annotations

from typing import IO, Final, NamedTuple

import msgspec

from appliance.config import get_config
from matrix_app.protocol.errors import Conflict, LimitExceeded, NotFound
from matrix_app.protocol.said import said
from matrix_app.services import audit, long_tasks
from matrix_app.services.account_export.joined_parts import JoinedParts
from matrix_app.services.account_export.progress import Options
from matrix_app.services.audit import Actor
from matrix_app.services.remove_files import remove_soon
from matrix_app.services.store_media import refuse_without_space
from matrix_app.storage import account_exports, db
from matrix_app.storage import long_tasks as stored_tasks
from matrix_app.storage.account_exports import ExportRow, PartRow
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.long_tasks import LongTaskRow
from matrix_app.storage.user_lock import lock_user

KIND: Final = "account.export"
# A user asks for one so often at most.
EVERY_MS: Final = 3_600_000
_DAY_MS: Final = 24 * 3_600_000
_BATCH: Final = 50


class Export(NamedTuple):
    """An archive and the task that makes it; None once the task's own row has gone."""

    row: ExportRow
    task: LongTaskRow | None

    @property
    def is_ready(self) -> bool:
        """Whether it can be fetched."""
        return self.row.ready_ts is not None and self.row.expires_ts > now_ms()

    @property
    def is_under_way(self) -> bool:
        """Whether its task is at work."""
        return self.row.ready_ts is None and self.task is not None and not self.task.is_finished


class Archive(NamedTuple):
    """A whole archive, to be sent."""

    nid: int
    size: int
    parts: list[PartRow]

    def open(self, offset: int = 0, length: int | None = None) -> IO[bytes]:
        """A part of it, from an offset on."""
        left = self.size - offset
        return JoinedParts(self.parts, offset, left if length is None else min(left, length))


def lifetime_ms() -> int:
    """How long an archive can be fetched."""
    return get_config().retention.account_export_days * _DAY_MS


def latest(user_nid: int, *, for_admins: bool) -> Export | None:
    """The newest archive of a user, for themselves or for administrators; None when there is none."""
    found = next((row for row in account_exports.of_user(user_nid) if row.for_admins == for_admins), None)
    return None if found is None else Export(found, stored_tasks.find(found.task_nid))


def ask(actor: Actor, account: Account, options: Options, *, for_admins: bool) -> int:
    """Have an archive made in place of the one before; the nid of the task.

    Raises `Conflict` while one is being made, `LimitExceeded` for a user who has had one just now, and
    `Unavailable` without space.
    """
    refuse_without_space()
    now = now_ms()
    with db.write():
        lock_user(account.user_nid)
        before = latest(account.user_nid, for_admins=for_admins)
        if before is not None:
            _refuse_too_many(before, now, for_admins)
            _remove(before.row)
        # The task has to know the archive, and the archive the task.
        nid = account_exports.insert(account.user_nid, 0, now, now + lifetime_ms(), for_admins=for_admins)
        params = {
            "export_nid": nid,
            "user_nid": account.user_nid,
            "options": msgspec.to_builtins(options),
        }
        task_nid = long_tasks.start(
            KIND, said("Export what {user_id} has here", user_id=account.user_id), params, actor
        )
        account_exports.set_task(nid, task_nid)
        action = "user.export" if for_admins else "account.export"
        audit.record(actor, action, account.user_id, history=options.history, media=options.media)
    return task_nid


def _refuse_too_many(before: Export, now: int, for_admins: bool) -> None:
    if before.is_under_way:
        raise Conflict("An export is being made already")
    wait = before.row.created_ts + EVERY_MS - now
    if before.is_ready and not for_admins and wait > 0:
        raise LimitExceeded(wait, "You can ask for an export once in an hour")


def cancel(actor: Actor, user_nid: int, *, for_admins: bool) -> None:
    """End the making of an archive; raises `NotFound` when none is being made."""
    found = latest(user_nid, for_admins=for_admins)
    if found is None or not found.is_under_way:
        raise NotFound("No export is being made")
    long_tasks.cancel(found.row.task_nid, actor)


def remove(actor: Actor, account: Account, *, for_admins: bool) -> None:
    """Remove an archive before its time; raises `NotFound` or, while it is being made, `Conflict`."""
    with db.write():
        lock_user(account.user_nid)
        found = latest(account.user_nid, for_admins=for_admins)
        if found is None:
            raise NotFound("There is no export")
        if found.is_under_way:
            raise Conflict("An export is being made already")
        _remove(found.row)
        audit.record(actor, "account.export_remove", account.user_id)


def fetch(actor: Actor, account: Account, *, for_admins: bool) -> Archive:
    """The archive of an account; raises `NotFound` when there is none, or its time is over."""
    found = latest(account.user_nid, for_admins=for_admins)
    if found is None or not found.is_ready:
        raise NotFound("There is no export")
    action = "user.export_fetch" if for_admins else "account.export_fetch"
    audit.record(actor, action, account.user_id)
    return Archive(found.row.nid, found.row.size, account_exports.parts(found.row.nid))


def remove_all_of(user_nid: int) -> None:
    """Remove every archive of a user: with the account, in its transaction."""
    for row in account_exports.of_user(user_nid):
        _remove(row)


def remove_expired() -> int:
    """Remove archives whose time is over, and those that will never be whole; how many."""
    removed = 0
    while rows := [*account_exports.expired(now_ms(), _BATCH), *account_exports.abandoned(_BATCH)]:
        for row in rows:
            with db.write():
                _remove(row)
        removed += len(rows)
    return removed


def _remove(row: ExportRow) -> None:
    remove_soon(account_exports.remove(row.nid))
