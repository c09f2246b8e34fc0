"""What the administrators' endpoints have in common: whom they are about, which part of a list they want."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Any, Final

import msgspec

from matrix_app.http.request import Request
from matrix_app.protocol.canonical_json import MAX_INTEGER
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services.administer_account import account_of
from matrix_app.services.audit import Actor
from matrix_app.storage.accounts import Account
from matrix_app.storage.numbered_lists import Slice

# A time in milliseconds that databases can compare.
Milliseconds = Annotated[int, msgspec.Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
V1: Final = "/_synapse/admin/v1"
V2: Final = "/_synapse/admin/v2"
V3: Final = "/_synapse/admin/v3"
MOST: Final = 1000


def actor_of(request: Request) -> Actor:
    """The administrator who asks, for the audit log."""
    return Actor(request.requester.user_nid, "api", request.ip)


def account_in_path(request: Request) -> Account:
    """The account that the path names; raises `InvalidParam` for a user of another server, or `NotFound`."""
    return account_of(request.path["user_id"])


def part_of(request: Request, orders: Container[str], default: str, *, backwards: bool = False) -> Slice:
    """The part of a list that `from`, `limit`, `order_by` and `dir` ask for; raises `InvalidParam`."""
    order, direction = request.query("order_by") or default, request.query("dir")
    if order not in orders:
        raise InvalidParam(f"The list cannot be sorted by {order}")
    if direction not in (None, "f", "b"):
        raise InvalidParam("dir must be f or b")
    limit = request.query_int("limit", 100, maximum=MOST)
    wanted_backwards = backwards if direction is None else direction == "b"
    return Slice(request.query_int("from", 0), limit, order, wanted_backwards)


def flag(request: Request, name: str) -> bool | None:
    """`true`, `false`, or None where the query does not say; raises `InvalidParam`."""
    return None if request.query(name) is None else request.query_bool(name)


def next_token(part: Slice, shown: int, total: int) -> dict[str, Any]:
    """Where the list goes on, when it does."""
    end = part.offset + shown
    return {"next_token": str(end)} if shown and end < total else {}
