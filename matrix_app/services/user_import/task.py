"""The long task that makes the accounts of a table, a few at a time, in the order of the table."""

from __future__ import annotations

import time
from typing import Final

from appliance.sealing import seal
from matrix_app.protocol.errors import Conflict, MatrixError
from matrix_app.protocol.ids import localpart_of
from matrix_app.protocol.said import said
from matrix_app.services.administer_account import add_hashed_account
from matrix_app.services.audit import Actor
from matrix_app.services.edit_account import Address, set_addresses
from matrix_app.services.long_tasks import LongTask, long_task
from matrix_app.services.make_password import make_password
from matrix_app.services.passwords import hash_password
from matrix_app.services.user_import.judge import Fate, Verdict, judge
from matrix_app.services.user_import.kept import Options, find, options_of, table_of
from matrix_app.services.user_import.requests import KIND
from matrix_app.services.user_import.table import Table
from matrix_app.storage import db, user_imports
from matrix_app.storage.user_imports import DoneRow

_SECONDS: Final = 2.0
_AT_ONCE: Final = 200


@long_task(KIND)
def import_some(task: LongTask) -> bool:
    """Make the next accounts; True at the end of the table. The rows that are stored tell what is done."""
    nid = task.params["import_nid"]
    row = find(nid)
    table, options = table_of(row), options_of(row)
    begun = user_imports.next_number(nid)
    if begun == 0 and not options.skip:
        _refuse_some(table)
    until = time.monotonic() + _SECONDS
    for verdict in judge(table.rows[begun : begun + _AT_ONCE]):
        _do(nid, verdict, options, task.actor)
        if time.monotonic() > until:
            break
    counts = user_imports.counts(nid)
    task.total, task.done = len(table.rows), counts.made + counts.skipped
    task.result = {"made": counts.made, "skipped": counts.skipped}
    return task.done >= task.total


def _refuse_some(table: Table) -> None:
    """Make nothing at all where a row has become impossible since the table was looked at."""
    for verdict in judge(table.rows):
        if verdict.fate is not Fate.NEW:
            raise Conflict(said("Line {line}: {reason}", line=verdict.row.line, reason=said(verdict.reason)))


def _do(nid: int, verdict: Verdict, options: Options, actor: Actor) -> None:
    if verdict.fate is not Fate.NEW:
        if not options.skip:
            # Somebody else has taken the name since the first account was made.
            raise Conflict(said("Line {line}: {reason}", line=verdict.row.line, reason=said(verdict.reason)))
        _note(nid, DoneRow(verdict.row.number, verdict.user_id, verdict.reason, None))
        return
    made = "" if verdict.row.password and not options.all_random else make_password()
    try:
        _make(nid, verdict, made, actor)
    except MatrixError as error:
        if not options.skip:
            raise
        _note(nid, DoneRow(verdict.row.number, verdict.user_id, error.message or error.errcode, None))


def _make(nid: int, verdict: Verdict, made: str, actor: Actor) -> None:
    """Make an account and note that in one transaction, so that no row is ever done twice."""
    row = verdict.row
    # It takes long on purpose, and has to be outside.
    password_hash = hash_password(made or row.password)
    with db.write():
        account = add_hashed_account(
            actor,
            localpart_of(verdict.user_id),
            password_hash,
            is_admin=row.is_admin,
            display_name=row.display_name,
        )
        if row.addresses:
            set_addresses(actor, account, [Address("email", address) for address in row.addresses])
        sealed = seal(made.encode()) if made else None
        user_imports.note(nid, DoneRow(row.number, account.user_id, None, sealed))


def _note(nid: int, row: DoneRow) -> None:
    with db.write():
        user_imports.note(nid, row)
