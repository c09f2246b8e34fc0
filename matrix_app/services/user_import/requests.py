"""Uploading a table, looking at what would happen, having it done, and fetching what came of it."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

import msgspec

from appliance.sealing import seal, unseal
from matrix_app.protocol.errors import Conflict, NotFound
from matrix_app.services import audit, long_tasks
from matrix_app.services.audit import Actor
from matrix_app.services.user_import.judge import Fate, Verdict, judge
from matrix_app.services.user_import.table import Table, read_table
from matrix_app.storage import db, user_imports
from matrix_app.storage import long_tasks as stored_tasks
from matrix_app.storage.clock import now_ms
from matrix_app.storage.long_tasks import LongTaskRow
from matrix_app.storage.user_imports import DoneRow, ImportRow

KIND: Final = "users.import"
# The table and the passwords are kept for so long.
KEPT_MS: Final = 24 * 3_600_000


class Options(msgspec.Struct, frozen=True):
    """How a table is to be taken."""

    # Whether rows that cannot be are passed over, or end it all before anything is made.
    skip: bool = False
    # Whether everybody gets a random password, or only those for whom the table has none.
    all_random: bool = False


class Preview(NamedTuple):
    """What would happen."""

    row: ImportRow
    options: Options
    table: Table
    verdicts: list[Verdict]

    @property
    def counts(self) -> Counter[str]:
        """How many rows have which fate, and of the new accounts how many are what."""
        counts = Counter(verdict.fate.value for verdict in self.verdicts)
        new = [verdict.row for verdict in self.verdicts if verdict.fate is Fate.NEW]
        counts["admins"] = sum(row.is_admin for row in new)
        counts["with_address"] = sum(bool(row.addresses) for row in new)
        counts["random"] = sum(self.options.all_random or not row.password for row in new)
        return counts

    @property
    def refused(self) -> list[Verdict]:
        """The rows that become no account."""
        return [verdict for verdict in self.verdicts if verdict.fate is not Fate.NEW]

    @property
    def may_start(self) -> bool:
        """Whether there is something to do, and nothing that ends it."""
        return len(self.refused) < len(self.verdicts) and (self.options.skip or not self.refused)


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
    now = now_ms()
    with db.write():
        nid = user_imports.insert(seal(content), msgspec.json.encode(options), now, now + KEPT_MS)
        audit.record(actor, "users.upload_table", str(nid), rows=len(table.rows))
    return nid


def find(nid: int) -> ImportRow:
    """A table that was uploaded; raises `NotFound` once its time is over."""
    found = user_imports.get(nid)
    if found is None or found.expires_ts < now_ms():
        raise NotFound("There is no such table any more: upload it again")
    return found


def preview(nid: int) -> Preview:
    """What would happen with a table now."""
    row = find(nid)
    table = table_of(row)
    return Preview(row, options_of(row), table, judge(table.rows))


def table_of(row: ImportRow) -> Table:
    """The table itself."""
    return read_table(unseal(row.sealed))


def options_of(row: ImportRow) -> Options:
    """How it is to be taken."""
    return msgspec.json.decode(row.options, type=Options)


def start(actor: Actor, nid: int) -> int:
    """Have the accounts made; the nid of the task.

    Raises `Conflict` where a row forbids it, or it was begun already.
    """
    shown = preview(nid)
    if not shown.may_start:
        raise Conflict("Nothing has been imported: there are rows that cannot be")
    with db.write():
        title = f"Import {shown.counts[Fate.NEW.value]} users"
        task_nid = long_tasks.start(KIND, title, {"import_nid": nid}, actor)
        if not user_imports.set_task(nid, task_nid):
            raise Conflict("The table is being imported already")
        audit.record(actor, "users.import", str(nid), rows=len(shown.verdicts), skip=shown.options.skip)
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
        sealed = user_imports.take_passwords(nid)
        if not sealed:
            raise NotFound("There are no passwords to fetch, or they have been fetched already")
        audit.record(actor, "users.fetch_passwords", str(nid), accounts=len(sealed))
    return [(user_id, unseal(password).decode()) for user_id, password in sealed]


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
        user_imports.remove(nid)
        audit.record(actor, "users.remove_table", str(nid))


def remove_expired() -> int:
    """Forget tables whose time is over; how many."""
    with db.write():
        return user_imports.remove_expired(now_ms())
