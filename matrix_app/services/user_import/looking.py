"""Looking at a table: a small one while it is uploaded, a bigger one by a long task."""

from __future__ import annotations

from typing import Final

from matrix_app.protocol.said import said
from matrix_app.services import long_tasks
from matrix_app.services.audit import Actor
from matrix_app.services.long_tasks import LongTask, long_task
from matrix_app.services.user_import.findings import findings, sealed
from matrix_app.services.user_import.judge import judge
from matrix_app.services.user_import.kept import find, options_of, table_of
from matrix_app.services.user_import.table import Table
from matrix_app.storage import db, user_imports

KIND: Final = "users.look"
# So many rows are judged by one statement of each kind, in some tens of milliseconds.
MOST_AT_ONCE: Final = 500


def is_big(table: Table) -> bool:
    """Whether nobody should wait while a table is looked at."""
    return len(table.rows) > MOST_AT_ONCE


def look_later(actor: Actor, nid: int, table: Table) -> None:
    """Have a table looked at, in the transaction that stores it."""
    title = said("Look at a table of {count} users", count=len(table.rows))
    user_imports.set_look_task(nid, long_tasks.start(KIND, title, {"import_nid": nid}, actor))


@long_task(KIND)
def look_at_all(task: LongTask) -> bool:
    """Judge every row; True, as ten thousand take a second."""
    row = find(task.params["import_nid"])
    table, options = table_of(row), options_of(row)
    found = findings(table, judge(table.rows), options)
    with db.write():
        user_imports.set_findings(row.nid, sealed(found))
    task.done = task.total = len(table.rows)
    return True
