"""Writing down what administrators and users do with accounts, rooms and the server."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from matrix_app.storage import audit, db
from matrix_app.storage.clock import now_ms


class Actor(NamedTuple):
    """Who does something: `user_nid` is None for the command line and for Hearth itself.

    `via` tells by which way: page, api, cli or hearth.
    """

    user_nid: int | None
    via: str
    ip: str = ""


CLI = Actor(None, "cli")
HEARTH = Actor(None, "hearth")


def record(actor: Actor, action: str, target: str = "", **details: Any) -> None:
    """Add an entry to the audit log, in the transaction of what it tells of.

    `action` is `aggregate.verb`, such as `user.lock`; `details` must hold no secrets.
    """
    with db.write():
        audit.put(
            now_ms(), actor.user_nid, actor.via, action, target, orjson.dumps(details, default=str), actor.ip
        )
