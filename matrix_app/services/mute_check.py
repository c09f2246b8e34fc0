"""Muting a check of the diagnostics: it is looked at as before, and nobody is told of it."""

from __future__ import annotations

from typing import Final

from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.storage import check_mutes, db
from matrix_app.storage.clock import now_ms

LONGEST_REASON: Final = 500
MOST_DAYS: Final = 366
_DAY_MS: Final = 24 * 3_600_000


def mute_check(actor: Actor, id: str, reason: str, days: int | None) -> None:
    """Mute a check for some days, or for good (None); raises `InvalidParam`."""
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidParam("A check is muted with a reason, of 500 characters at most")
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise InvalidParam("A check is muted for a day to a year, or for good")
    now = now_ms()
    until = None if days is None else now + days * _DAY_MS
    with db.write():
        check_mutes.put(id, reason, until, now, actor.user_nid)
        audit.record(actor, "check.mute", id, reason=reason, until_ts=until)


def unmute_check(actor: Actor, id: str) -> None:
    """Tell of a check again; raises `NotFound` for one that is not muted."""
    with db.write():
        if not check_mutes.delete(id):
            raise NotFound("The check is not muted")
        audit.record(actor, "check.unmute", id)
