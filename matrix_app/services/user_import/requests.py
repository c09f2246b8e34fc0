"""Uploading a table, looking at what would happen, having it done, and fetching what came of it."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from appliance.sealing import seal, unseal
from matrix_app.protocol.errors import Conflict, NotFound
from matrix_app.protocol.said import said
from matrix_app.services import audit, long_tasks
from matrix_app.services.audit import Actor
from matrix_app.services.user_import.findings import Findings, findings, sealed, unsealed
from matrix_app.services.user_import.judge import judge
from matrix_app.services.user_import.kept import Options, find, options_of, table_of
from matrix_app.services.user_import.looking import is_big, look_later
from matrix_app.services.user_import.table import read_table
from matrix_app.storage import db, user_imports
from matrix_app.storage import long_tasks as stored_tasks
from matrix_app.storage.clock import now_ms
from matrix_app.storage.long_tasks import LongTaskRow
from matrix_app.storage.user_imports import DoneRow, ImportRow

KIND: Final = "users.import"
# The table and the passwords are kept for so long.
KEPT_MS: Final = 24 * 3_600_000


class Preview(NamedTuple):
    """What would happen; without `found` while the table is being looked at by `task`."""

    row: ImportRow
    options: Options
    found: Findings | None
    task: LongTaskRow | None

    @property
    def may_start(self) -> bool:
        """Whether it is known what would happen, and that may be begun with."""
        return self.found is not None and self.found.may_start(self.options)

    @property
    def is_looked_at(self) -> bool:
        """Whether somebody is at it."""
        return self.found is None and self.task is not None and not self.task.is_finished


class Outcome(NamedTuple):
    """What has come of a table so far."""

    row: ImportRow
    task: LongTaskRow
    made: int
    skipped: int
    # How many passwords were made that nobody has fetched yet.
    passwords: int


def upload(actor: Actor, content: bytes, options: Options) -> int:
    """Keep a table for a day, sealed, as passwords may be in it; its nid. Raises `InvalidParam`."""
    table = read_table(content)
    found = None if is_big(table) else sealed(findings(table, judge(table.rows), options))
    now = now_ms()
    with db.write():
        nid = user_imports.insert(seal(content), msgspec.json.encode(options), found, now, now + KEPT_MS)
        audit.record(actor, "users.upload_table", str(nid), rows=len(table.rows))
        if found is None:
            look_later(actor, nid, table)
    return nid


def preview(nid: int) -> Preview:
    """What would happen with a table, as it was when it was looked at."""
    row = find(nid)
    if row.findings is not None:
        return Preview(row, options_of(row), unsealed(row.findings), None)
    task = None if row.look_task_nid is None else stored_tasks.find(row.look_task_nid)
    return Preview(row, options_of(row), None, task)


def start(actor: Actor, nid: int) -> int:
    """Have the accounts made; the nid of the task.

    Raises `Conflict` where a row forbids it, nobody has looked at the table, or it was begun already.
    """
    shown = preview(nid)
    if shown.found is None:
        raise Conflict("The table has not been looked at")
    if not shown.may_start:
        raise Conflict("Nothing has been imported: there are rows that cannot be")
    with db.write():
        title = said("Import {count} users", count=shown.found.new)
        task_nid = long_tasks.start(KIND, title, {"import_nid": nid}, actor)
        if not user_imports.set_task(nid, task_nid):
            raise Conflict("The table is being imported already")
        audit.record(actor, "users.import", str(nid), rows=shown.found.rows, skip=shown.options.skip)
    return task_nid


def outcome(row: ImportRow) -> Outcome | None:
    """What has come of a table; None before it was begun."""
    task = None if row.task_nid is None else stored_tasks.find(row.task_nid)
    if task is None:
        return None
    counts = user_imports.counts(row.nid)
    return Outcome(row, task, counts.made, counts.skipped, counts.passwords)


def take_passwords(actor: Actor, nid: int) -> list[tuple[str, str]]:
    """The passwords that were made, by user ID; they are forgotten by this. Raises `NotFound` for none."""
    find(nid)
    with db.write():
        found = user_imports.take_passwords(nid)
        if not found:
            raise NotFound("There are no passwords to fetch, or they have been fetched already")
        audit.record(actor, "users.fetch_passwords", str(nid), accounts=len(found))
    return [(user_id, unseal(password).decode()) for user_id, password in found]


def skipped_rows(actor: Actor, nid: int) -> tuple[tuple[str, ...], list[tuple[str, tuple[str, ...]]]]:
    """The columns of a table, and the rows of which no account was made, each with the reason.

    Noted in the audit log: there may be passwords in them.
    """
    row = find(nid)
    table = table_of(row)
    audit.record(actor, "users.fetch_skipped", str(nid))
    by_number = {done.number: done for done in user_imports.done_rows(nid) if done.reason}
    return table.columns, [
        (_reason(by_number[one.number]), one.cells) for one in table.rows if one.number in by_number
    ]


def _reason(row: DoneRow) -> str:
    return row.reason or ""


def remove(actor: Actor, nid: int) -> None:
    """Forget a table and what came of it; raises `Conflict` while it is being imported."""
    row = find(nid)
    found = outcome(row)
    if found is not None and not found.task.is_finished:
        raise Conflict("The table is being imported already")
    with db.write():
        if row.look_task_nid is not None:
            stored_tasks.ask_to_cancel(row.look_task_nid)
        user_imports.remove(nid)
        audit.record(actor, "users.remove_table", str(nid))


def remove_expired() -> int:
    """Forget tables whose time is over; how many."""
    with db.write():
        return user_imports.remove_expired(now_ms())
