"""The devices of a user as a list, which administrators and the user look at."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.functional import Promise

from admin_ui.keyset import read_number
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.services.last_seen import latest
from matrix_app.storage import devices


def device_table(visit: Visit, user_nid: int, columns: Sequence[Column], empty: Promise | str) -> Table:
    """A page of devices, the newest first: rows of a device and when it was last seen, if not yet stored."""
    found = devices.page(user_nid, before=read_number(visit.query("after")), limit=PAGE_SIZE + 1)
    return Table(
        visit,
        columns,
        [(device, latest(device.nid, user_nid)) for device in found],
        key=lambda row: row[0].nid,
        total=devices.count(user_nid),
        empty=empty,
        selectable=True,
    )
