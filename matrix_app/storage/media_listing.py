"""Media as administrators look at them: lists, and how much space whose media take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple

from matrix_app.storage import db


class ListedMedia(NamedTuple):
    """One entry; `size` is in bytes and None when there is no file."""

    server_name: str
    media_id: str
    user_id: str | None
    created_ts: int
    last_used_ts: int
    content_type: str
    file_name: str | None
    size: int | None
    sha256: bytes | None
    quarantined_ts: int | None
    quarantined_by: str | None
    protected_ts: int | None
    blocked_ts: int | None
    nid: int


# LEFT, so that the list of media leads and its order is that of an index: there is a server for each.
_LISTED: Final = (
    "SELECT s.name, m.media_id, u.user_id, m.created_ts, m.last_used_ts, m.content_type, m.file_name, m.size,"
    " m.sha256, m.quarantined_ts, q.user_id, m.protected_ts, b.blocked_ts, m.nid FROM media m"
    " LEFT JOIN server s ON s.nid = m.server_nid LEFT JOIN matrix_user u ON u.nid = m.user_nid"
    " LEFT JOIN blocked_media b ON b.sha256 = m.sha256"
    " LEFT JOIN matrix_user q ON q.nid = m.quarantined_by_nid"
)

Order = Literal[
    "created_ts", "last_used_ts", "media_id", "size", "content_type", "file_name", "quarantined", "protected"
]
_MOST: Final = 1 << 62
_ORDERS: Final[dict[Order, str]] = {
    "created_ts": "m.created_ts",
    "last_used_ts": "m.last_used_ts",
    "media_id": "m.media_id",
    "size": "coalesce(m.size, 0)",
    "content_type": "m.content_type",
    "file_name": "coalesce(m.file_name, '')",
    "quarantined": "coalesce(m.quarantined_ts, 0)",
    "protected": "coalesce(m.protected_ts, 0)",
}


# What the lists of the pages are sorted by; an index has each in this order.
Sort = Literal["created_ts", "last_used_ts", "size"]


class Page(NamedTuple):
    """A piece of a list."""

    offset: int = 0
    limit: int = 100
    order: Order = "created_ts"
    backwards: bool = True


class Totals(NamedTuple):
    """How many media there are, and how large they are together, in bytes."""

    media: int
    size: int


def find(server_name: str, media_id: str) -> ListedMedia | None:
    """The entry of an `mxc://` URI, or None."""
    found = db.row(f"{_LISTED} WHERE s.name = %s AND m.media_id = %s", (server_name, media_id))
    return ListedMedia(*found) if found else None


def of_user(user_nid: int, page: Page) -> list[ListedMedia]:
    """What a user has uploaded."""
    return _listed("m.user_nid = %s AND m.sha256 IS NOT NULL", [user_nid], page)


def sorted_page(
    sort: Sort, after: tuple[int, int] | None, limit: int, *, quarantined_only: bool = False
) -> list[ListedMedia]:
    """Media from the greatest value down, after one by its value and its nid."""
    column = "coalesce(m.size, 0)" if sort == "size" and quarantined_only else f"m.{sort}"
    kept = "m.quarantined_ts" if quarantined_only else "m.size" if sort == "size" else "m.sha256"
    where = f"{kept} IS NOT NULL AND ({column}, m.nid) < (%s, %s)"
    sql = f"{_LISTED} WHERE {where} ORDER BY {column} DESC, m.nid DESC LIMIT %s"
    return [ListedMedia(*row) for row in db.rows(sql, (*(after or (_MOST, _MOST)), limit))]


def newest_of_user(user_nid: int, before: int | None, limit: int) -> list[ListedMedia]:
    """What a user has uploaded, the newest first, before one by its nid."""
    where = "m.user_nid = %s AND m.sha256 IS NOT NULL AND m.nid < %s ORDER BY m.nid DESC LIMIT %s"
    found = db.rows(f"{_LISTED} WHERE {where}", (user_nid, _MOST if before is None else before, limit))
    return [ListedMedia(*row) for row in found]


def _listed(where: str, params: list[Any], page: Page) -> list[ListedMedia]:
    direction = "DESC" if page.backwards else "ASC"
    order = f"ORDER BY {_ORDERS[page.order]} {direction}, m.nid {direction} LIMIT %s OFFSET %s"
    found = db.rows(f"{_LISTED} WHERE {where} {order}", (*params, page.limit, page.offset))
    return [ListedMedia(*entry) for entry in found]


_TOTALS: Final = "SELECT count(*), coalesce(sum(size), 0) FROM media WHERE size IS NOT NULL AND"


def totals_of_user(user_nid: int) -> Totals:
    """All that a user has uploaded."""
    return _totals("user_nid = %s", (user_nid,))


def totals_of_some(user_nids: Iterable[int]) -> Totals:
    """All that some users have uploaded."""
    return _totals(db.in_any("user_nid"), (db.any_of(user_nids),))


def totals_of_users() -> Totals:
    """All that users here have uploaded."""
    return _totals("user_nid IS NOT NULL", ())


def totals_of_others(local_server_nid: int) -> Totals:
    """All that is here of other servers."""
    return _totals("user_nid IS NULL AND server_nid <> %s", (local_server_nid,))


def _totals(where: str, params: tuple[Any, ...]) -> Totals:
    found = db.row(f"{_TOTALS} {where}", params) or (0, 0)
    return Totals(int(found[0]), int(found[1]))


def stored_bytes() -> int:
    """The space that the files in the store take, thumbnails included."""
    files = db.value("SELECT coalesce(sum(size), 0) FROM media_file")
    thumbnails = db.value("SELECT coalesce(sum(size), 0) FROM media_thumbnail WHERE NOT (location = '')")
    return int(files) + int(thumbnails)


class UserUsage(NamedTuple):
    """What the media of a user come to, in bytes."""

    user_id: str
    user_nid: int
    media: int
    size: int


def largest_users(limit: int) -> list[UserUsage]:
    """The users whose media take most space."""
    sql = (
        "SELECT u.user_id, u.nid, t.many, t.total FROM (SELECT user_nid, count(*) AS many, sum(size) AS total"
        " FROM media WHERE user_nid IS NOT NULL AND size IS NOT NULL GROUP BY user_nid"
        " ORDER BY total DESC, user_nid LIMIT %s) t JOIN matrix_user u ON u.nid = t.user_nid"
        " ORDER BY t.total DESC, t.user_nid"
    )
    return [
        UserUsage(user_id, nid, int(many), int(size)) for user_id, nid, many, size in db.rows(sql, (limit,))
    ]


UsageOrder = Literal["user_id", "displayname", "media_length", "media_count"]
_USAGE_ORDERS: Final[dict[UsageOrder, str]] = {
    "user_id": "u.user_id",
    "displayname": "coalesce(d.search_text, '')",
    "media_length": "total",
    "media_count": "many",
}


class UsageQuery(NamedTuple):
    """Whose media count, and which of them: times are in ms since the epoch."""

    from_ts: int = 0
    until_ts: int = (1 << 63) - 1
    search: str = ""
    order: UsageOrder = "media_length"
    backwards: bool = True


_USAGE: Final = (
    "FROM media m JOIN matrix_user u ON u.nid = m.user_nid"
    " LEFT JOIN user_directory d ON d.user_nid = m.user_nid"
    " WHERE m.size IS NOT NULL AND m.created_ts >= %s AND m.created_ts < %s"
    " AND (lower(u.user_id) LIKE %s ESCAPE '!'"
    " OR coalesce(d.search_text, '') LIKE %s ESCAPE '!')"
)


def usage(query: UsageQuery, offset: int, limit: int) -> list[UserUsage]:
    """Users with media, and how much they have uploaded."""
    direction = "DESC" if query.backwards else "ASC"
    sql = (
        "SELECT u.user_id, u.nid, count(*) AS many, coalesce(sum(m.size), 0) AS total"
        f" {_USAGE} GROUP BY u.nid, u.user_id, d.search_text"
        f" ORDER BY {_USAGE_ORDERS[query.order]} {direction}, u.nid LIMIT %s OFFSET %s"
    )
    found = db.rows(sql, (*_usage_params(query), limit, offset))
    return [UserUsage(user_id, nid, int(many), int(size)) for user_id, nid, many, size in found]


def usage_count(query: UsageQuery) -> int:
    """How many users `usage` has."""
    return int(db.value(f"SELECT count(DISTINCT m.user_nid) {_USAGE}", _usage_params(query)))


def _usage_params(query: UsageQuery) -> tuple[Any, ...]:
    escaped = query.search.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return query.from_ts, query.until_ts, f"%{escaped}%", f"%{escaped}%"
