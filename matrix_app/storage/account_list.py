"""Lists of accounts for administrators: searched, filtered, sorted, and paged by key."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from matrix_app.storage import db


class ListedAccount(NamedTuple):
    """An account as lists show it."""

    user_nid: int
    user_id: str
    display_name: str | None
    is_admin: bool
    is_guest: bool
    created_ts: int
    deactivated_ts: int | None
    erased: bool
    locked_ts: int | None
    suspended_ts: int | None
    appservice_id: str | None
    last_active_ts: int | None
    # As the user has set it, whatever that is.
    avatar_url: str | None


_COLUMNS: Final = (
    "a.user_nid, u.user_id, p.value, a.is_admin, a.is_guest, a.created_ts, a.deactivated_ts, a.erased,"
    " a.locked_ts, a.suspended_ts, a.appservice_id, a.last_active_ts, pa.value"
)
_FROM: Final = (
    " FROM account a JOIN matrix_user u ON u.nid = a.user_nid"
    " LEFT JOIN profile p ON p.user_nid = a.user_nid AND p.field = 'displayname'"
    " LEFT JOIN profile pa ON pa.user_nid = a.user_nid AND pa.field = 'avatar_url'"
)

# What a filter keeps, by its name.
FILTERS: Final = {
    "active": "a.deactivated_ts IS NULL",
    "admins": "a.is_admin AND a.deactivated_ts IS NULL",
    "guests": "a.is_guest",
    "locked": "a.locked_ts IS NOT NULL",
    "suspended": "a.suspended_ts IS NOT NULL",
    "deactivated": "a.deactivated_ts IS NOT NULL",
    "bridged": "a.appservice_id IS NOT NULL",
    "all": "1 = 1",
}
# What lists are sorted by, by its name; each is unique together with the nid.
SORTS: Final = {
    "name": "u.user_id",
    "created": "a.created_ts",
    "active": "COALESCE(a.last_active_ts, 0)",
}


def page(
    *, kind: str, search: str, sort: str, after: tuple[Any, int] | None, limit: int
) -> list[ListedAccount]:
    """Accounts of a filter whose ID, display name or mail address contains `search`.

    `sort` is a name of SORTS, with a minus before it for descending; `after` is the sort value and the nid
    of the last account of the page before.
    """
    column = SORTS[sort.removeprefix("-")]
    sign, order = ("<", "DESC") if sort.startswith("-") else (">", "ASC")
    condition, values = _matching(kind, search)
    if after is not None:
        condition += f" AND ({column}, a.user_nid) {sign} (%s, %s)"
        values += [*after]
    sql = f"SELECT {_COLUMNS}{_FROM} WHERE {condition} ORDER BY {column} {order}, a.user_nid {order} LIMIT %s"
    return [_listed(row) for row in db.rows(sql, (*values, limit))]


def sort_value(account: ListedAccount, sort: str) -> Any:
    """What an account is sorted by."""
    values = {
        "name": account.user_id,
        "created": account.created_ts,
        "active": account.last_active_ts or 0,
    }
    return values[sort.removeprefix("-")]


def count(*, kind: str, search: str = "") -> int:
    """How many accounts a filter keeps."""
    condition, values = _matching(kind, search)
    return int(db.value(f"SELECT count(*){_FROM} WHERE {condition}", values))


def count_active_since(ts: int) -> int:
    """How many accounts were used since a time."""
    return int(
        db.value("SELECT count(*) FROM account WHERE deactivated_ts IS NULL AND last_active_ts >= %s", (ts,))
    )


def _matching(kind: str, search: str) -> tuple[str, list[Any]]:
    if not search:
        return FILTERS[kind], []
    pattern = "%" + search.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    name = "p.value" if db.is_sqlite() else "convert_from(p.value, 'UTF8')"
    text = f"lower(CAST({name} AS TEXT))"
    either = (
        f"lower(u.user_id) LIKE %s ESCAPE '\\' OR {text} LIKE %s ESCAPE '\\'"
        " OR a.user_nid IN (SELECT t.user_nid FROM threepid t WHERE t.address LIKE %s ESCAPE '\\')"
    )
    return f"{FILTERS[kind]} AND ({either})", [pattern] * 3


def _listed(row: db.Row) -> ListedAccount:
    found = ListedAccount(*row)
    return found._replace(display_name=_text(row[2]), avatar_url=_text(row[-1]))


def _text(value: bytes | None) -> str | None:
    field = None if value is None else orjson.loads(value)
    return field if isinstance(field, str) else None
