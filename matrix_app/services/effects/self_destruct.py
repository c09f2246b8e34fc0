"""Messages that are removed at the time that their senders wrote in them (MSC2228)."""

from __future__ import annotations

from typing import Final

from appliance.config import get_config
from matrix_app.protocol.canonical_json import MAX_INTEGER
from matrix_app.protocol.events import Event
from matrix_app.services.effects import unread
from matrix_app.services.timer import timer
from matrix_app.storage import db, events, relations, search_index, self_destruct
from matrix_app.storage.clock import now_ms

_KEY: Final = "org.matrix.self_destruct_after"
_BATCH: Final = 100
# What expires later than this is left to the schedule.
_SOON_MS: Final = 600_000


def apply(event: Event, nid: int) -> None:
    """Remember when a new message is to be removed, where the configuration allows such messages."""
    expires = event.content.get(_KEY)
    if expires is None or event.state_key is not None or not get_config().rooms.self_destructing_messages:
        return
    if type(expires) is not int or not 0 <= expires <= MAX_INTEGER:
        return
    self_destruct.put(nid, expires)
    wait = max(0, expires - now_ms())
    if wait <= _SOON_MS:
        db.on_commit(lambda: timer.call_in(wait / 1000 + 0.05, remove_expired))


def remove_expired() -> None:
    """Take the content from messages whose time has come."""
    while True:
        with db.write():
            nids = self_destruct.due(now_ms(), _BATCH)
            for nid, row in events.rows_by_nid(nids).items():
                unread.forget(row)
                events.set_redacted(nid, events.ERASED)
                relations.remove(nid)
            if nids:
                search_index.remove(nids)
                self_destruct.forget(nids)
        if len(nids) < _BATCH:
            return
