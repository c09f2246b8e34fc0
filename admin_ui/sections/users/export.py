"""All accounts as a file for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from django.http.response import HttpResponseBase

from admin_ui.csv_file import csv_file
from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.services import audit
from matrix_app.storage import account_list, threepids
from matrix_app.storage.account_list import ListedAccount

COLUMNS: Final = (
    "user",
    "display_name",
    "addresses",
    "admin",
    "guest",
    "bridge",
    "locked",
    "suspended",
    "deactivated",
    "created",
    "last_active",
)
MOST: Final = 100_000
_AT_A_TIME: Final = 1000


@page("admin", secret=True)
def export(visit: Visit) -> HttpResponseBase:
    """The accounts of a filter, at most a hundred thousand; read as they are sent."""
    kind, search = visit.query("kind", "all"), visit.query("q").strip()
    kind = kind if kind in account_list.FILTERS else "all"
    count = min(account_list.count(kind=kind, search=search), MOST)
    audit.record(visit.actor, "users.export", "", accounts=count)
    return csv_file("users.csv", COLUMNS, _rows(kind, search))


def _rows(kind: str, search: str) -> Iterator[list[Any]]:
    after = None
    for _ in range(MOST // _AT_A_TIME):
        found = account_list.page(kind=kind, search=search, sort="created", after=after, limit=_AT_A_TIME)
        known = threepids.of_users([row.user_nid for row in found])
        yield from (_row(row, known.get(row.user_nid, [])) for row in found)
        if len(found) < _AT_A_TIME:
            return
        after = (found[-1].created_ts, found[-1].user_nid)


def _row(row: ListedAccount, addresses: list[str]) -> list[Any]:
    flags = (
        row.is_admin,
        row.is_guest,
        row.appservice_id or "",
        row.locked_ts is not None,
        row.suspended_ts is not None,
        row.deactivated_ts is not None,
    )
    said = ["yes" if flag is True else "" if flag is False else flag for flag in flags]
    times = [_time(row.created_ts), _time(row.last_active_ts)]
    return [row.user_id.removeprefix("@"), row.display_name or "", " ".join(addresses), *said, *times]


def _time(ts: int | None) -> str:
    return "" if ts is None else datetime.fromtimestamp(ts / 1000, UTC).isoformat(timespec="seconds")
