"""Removing what nobody needs any more, in short transactions, a bounded number of them at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from appliance.config import get_config
from matrix_app.services.appservice_admin import oldest_position
from matrix_app.services.oauth.clients import delete_stale
from matrix_app.services.uia import sessions as uia_sessions
from matrix_app.storage import (
    audit,
    db,
    device_changes,
    device_messages,
    expiry,
    long_tasks,
    staging,
    stream,
    transactions,
    web_sessions,
)
from matrix_app.storage.clock import now_ms

BATCH: Final = 2000
MOST_BATCHES: Final = 50
HOUR_MS: Final = 3_600_000
# So many positions of the stream are left alone: what has just happened is still being told.
CHANGES_KEPT: Final = 10_000
# Entries of the stream's log, about 60 bytes each. A service that was away for longer misses what is gone.
KEPT_CHANGES: Final = 100_000
KEPT_FOR_SERVICES: Final = 2_000_000
# Servers repeat what they could not send for so long at most.
KEPT_MESSAGE_IDS_MS: Final = 7 * 24 * HOUR_MS
# An expired access token is still told from an unknown one for so long: its client may sign in softly.
KEPT_MS: Final = 30 * 24 * HOUR_MS
# A session on the pages that nobody uses for so long is over.
KEPT_WEB_SESSIONS_MS: Final = 30 * 24 * HOUR_MS


def trim_stream() -> int:
    """Remove old entries of the stream's log, how many; application services that are away keep them."""
    behind = oldest_position()
    wanted = 0 if behind is None else stream.current_position() - behind
    keep = max(KEPT_CHANGES, min(wanted, KEPT_FOR_SERVICES))
    return in_batches(lambda: stream.trim(keep, limit=BATCH), 1)


def forget_transactions() -> int:
    """Forget transaction IDs that are older than the configuration says, how many; and those of messages."""
    before = now_ms() - get_config().retention.transactions_hours * HOUR_MS
    messages = now_ms() - KEPT_MESSAGE_IDS_MS
    in_batches(lambda: staging.forget_messages(messages, BATCH), BATCH)
    return in_batches(lambda: transactions.forget_before(before, BATCH), BATCH)


def delete_expired() -> int:
    """Delete tokens, unfinished sessions and connections whose time has long been over; how many."""
    before = now_ms() - KEPT_MS
    _delete_old_records()
    return uia_sessions.remove_old() + sum(
        in_batches(lambda table=table: expiry.delete_before(table, before, BATCH), BATCH)  # type: ignore[misc]
        for table in expiry.tables()
    )


def _delete_old_records() -> None:
    audited = now_ms() - get_config().retention.audit_days * 24 * HOUR_MS
    in_batches(lambda: web_sessions.delete_before(now_ms() - KEPT_WEB_SESSIONS_MS, BATCH), BATCH)
    in_batches(lambda: delete_stale(BATCH), BATCH)
    in_batches(lambda: audit.delete_before(audited, BATCH), BATCH)
    in_batches(lambda: long_tasks.delete_finished_before(audited, BATCH), BATCH)


def trim_device_messages() -> int:
    """Drop the oldest messages for devices that nobody fetches from; how many."""
    most = get_config().limits.waiting_messages_per_device
    return sum(
        in_batches(lambda nid=nid: device_messages.drop_oldest(nid, most, BATCH), BATCH)  # type: ignore[misc]
        for nid in device_messages.overfull(most)
    )


def trim_device_changes() -> int:
    """Remove changes of devices and keys that later ones made void; how many.

    Whoever comes with an older sync token is told of the later ones, which is all that is to be known.
    """
    before = stream.current_position() - CHANGES_KEPT
    return sum(_trim_table(table, before) for table in device_changes.TABLES)


def _trim_table(table: str, before: int) -> int:
    after = total = 0
    while (page := device_changes.page(table, after, before, BATCH)) is not None:
        after, void = page
        if void:
            with db.write():
                device_changes.delete(table, void)
        total += len(void)
    return total


def in_batches(delete: Callable[[], int], whole: int, most: int = MOST_BATCHES) -> int:
    """Repeat until a batch, a transaction each, removes fewer than `whole` rows, `most` times; how many."""
    total = 0
    for _ in range(most):
        with db.write():
            removed = delete()
        total += removed
        if removed < whole:
            break
    return total
