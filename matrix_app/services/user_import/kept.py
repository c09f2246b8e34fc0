"""A table that was uploaded, as it is kept: sealed, for a day, with how it is to be taken."""

from __future__ import annotations

import msgspec

from appliance.sealing import unseal
from matrix_app.protocol.errors import NotFound
from matrix_app.services.user_import.table import Table, read_table
from matrix_app.storage import user_imports
from matrix_app.storage.clock import now_ms
from matrix_app.storage.user_imports import ImportRow


class Options(msgspec.Struct, frozen=True):
    """How a table is to be taken."""

    # Whether rows that cannot be are passed over, or end it all before anything is made.
    skip: bool = False
    # Whether everybody gets a random password, or only those for whom the table has none.
    all_random: bool = False


def find(nid: int) -> ImportRow:
    """A table that was uploaded; raises `NotFound` once its time is over."""
    found = user_imports.get(nid)
    if found is None or found.expires_ts < now_ms():
        raise NotFound("There is no such table any more: upload it again")
    return found


def table_of(row: ImportRow) -> Table:
    """The table itself."""
    return read_table(unseal(user_imports.content(row.nid)))


def options_of(row: ImportRow) -> Options:
    """How it is to be taken."""
    return msgspec.json.decode(row.options, type=Options)
