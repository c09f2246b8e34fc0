"""Media of users as administrators look after them, as the tools that were made for Synapse ask for it."""

from __future__ import annotations

from typing import Any, Final

from matrix_app.client_api.admin_media import listed, removed
from matrix_app.client_api.admin_query import actor_of
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.protocol.ids import Mxc, ServerName, domain_of, parse_user_id
from matrix_app.services import list_media, quarantine_media, remove_media
from matrix_app.storage import accounts, profiles
from matrix_app.storage.accounts import Account
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.media_listing import Order, Page, UsageOrder, UsageQuery

_V1: Final = "/_synapse/admin/v1"
_MOST: Final = 1000
_ORDERS: Final[dict[str, Order]] = {
    "media_id": "media_id",
    "upload_name": "file_name",
    "created_ts": "created_ts",
    "last_access_ts": "last_used_ts",
    "media_length": "size",
    "media_type": "content_type",
    "quarantined_by": "quarantined",
    "safe_from_quarantine": "protected",
}
_USAGE_ORDERS: Final[dict[str, UsageOrder]] = {
    "user_id": "user_id",
    "displayname": "displayname",
    "media_length": "media_length",
    "media_count": "media_count",
}


def _account(request: Request) -> Account:
    user_id = parse_user_id(request.path["user_id"])
    if domain_of(user_id) != local_server_name():
        raise InvalidParam("The user does not belong to this server")
    account = accounts.find(user_id)
    if account is None:
        raise NotFound("There is no such user")
    return account


def _page(request: Request) -> Page:
    """Newest first, unless the query says something of the order."""
    order, direction = request.query("order_by"), request.query("dir")
    if (order or "created_ts") not in _ORDERS:
        raise InvalidParam(f"order_by must be one of {', '.join(_ORDERS)}")
    backwards = direction == "b" or (direction is None and order is None)
    if direction not in (None, "f", "b"):
        raise InvalidParam("dir must be f or b")
    limit = request.query_int("limit", 100, minimum=1, maximum=_MOST)
    return Page(request.query_int("from", 0), limit, _ORDERS[order or "created_ts"], backwards)


@endpoint("GET", f"{_V1}/users/{{user_id}}/media", auth=Auth.ADMIN)
def media_of_user(request: Request) -> dict[str, Any]:
    """What a user has uploaded."""
    page = _page(request)
    found, totals = list_media.of_user(_account(request).user_nid, page)
    answer = {"media": [listed(entry) for entry in found], "total": totals.media}
    return {**answer, **_next(page.offset, len(found), totals.media)}


def _next(offset: int, shown: int, total: int) -> dict[str, int]:
    end = offset + shown
    return {"next_token": end} if end < total else {}


@endpoint("DELETE", f"{_V1}/users/{{user_id}}/media", auth=Auth.ADMIN, rate="write", slow=True)
def delete_media_of_user(request: Request) -> dict[str, Any]:
    """Remove some of what a user has uploaded."""
    found, _ = list_media.of_user(_account(request).user_nid, _page(request))
    mxcs = [Mxc(ServerName(entry.server_name), entry.media_id) for entry in found]
    return removed(remove_media.remove_some(actor_of(request), mxcs))


@endpoint("POST", f"{_V1}/user/{{user_id}}/media/quarantine", auth=Auth.ADMIN, rate="write", slow=True)
def quarantine_of_user(request: Request) -> dict[str, Any]:
    """Quarantine all that a user has uploaded."""
    account = _account(request)
    count = quarantine_media.quarantine_of_user(actor_of(request), account.user_id, account.user_nid)
    return {"num_quarantined": count}


@endpoint("GET", f"{_V1}/statistics/users/media", auth=Auth.ADMIN)
def media_statistics(request: Request) -> dict[str, Any]:
    """How much users have uploaded."""
    offset, limit = request.query_int("from", 0), request.query_int("limit", 100, minimum=1, maximum=_MOST)
    found, total = list_media.usage(_usage_query(request), offset, limit)
    names = profiles.names_of({user.user_nid for user in found})
    users = [
        {
            "user_id": user.user_id,
            "displayname": names[user.user_nid].displayname if user.user_nid in names else None,
            "media_count": user.media,
            "media_length": user.size,
        }
        for user in found
    ]
    return {"users": users, "total": total, **_next(offset, len(users), total)}


def _usage_query(request: Request) -> UsageQuery:
    order = request.query("order_by") or "user_id"
    if order not in _USAGE_ORDERS:
        raise InvalidParam(f"order_by must be one of {', '.join(_USAGE_ORDERS)}")
    from_ts = request.query_int("from_ts", 0)
    until_ts = request.query_int("until_ts", (1 << 63) - 1)
    if until_ts < from_ts:
        raise InvalidParam("until_ts must not be before from_ts")
    return UsageQuery(
        from_ts,
        until_ts,
        request.query("search_term") or "",
        _USAGE_ORDERS[order],
        request.query("dir") == "b",
    )
