"""What the sender finds in the database when it begins, and notes there while it is at work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import structlog

from matrix_app.federation.sender.queue import Batch
from matrix_app.federation.sender.transaction import Transaction, build
from matrix_app.storage import db, outbound, outbound_edus, stream
from matrix_app.storage.clock import now_ms
from matrix_app.storage.outbound import Flight

# After so long a silence other servers have given this one up: they are told that it is back.
LONG_SILENCE_MS: Final = 600_000

_log = structlog.get_logger("matrix_app.federation.sender")


class Start(NamedTuple):
    """Where to go on: the position, and the servers that there is something to know of."""

    position: int
    sent: dict[int, int]
    behind: set[int]
    with_messages: set[int]
    greet: set[int]
    names: dict[int, str]
    flights: dict[int, Flight]


def load() -> Start:
    """Where the sender stood; at the end of the stream when there never was one."""
    found = outbound.progress()
    if found is None:
        found = stream.current_position(), now_ms()
        save(found[0], {}, {})
    position, seen_ts = found
    oldest = stream.oldest_logged()
    if oldest > position + 1:
        _log.error("changes are no longer logged that were never sent", since=position, until=oldest)
    with_messages = outbound_edus.servers_with_messages(0, position)
    behind = outbound.behind()
    greet = outbound.servers_elsewhere() if now_ms() - seen_ts > LONG_SILENCE_MS else set()
    flights = outbound.flights()
    names = outbound.server_names(((with_messages | flights.keys()) - behind) | greet)
    return Start(
        position, outbound.sent_after(position), behind, with_messages - behind, greet, names, flights
    )


def depart(server_nid: int, sent: int, batch: Batch) -> Transaction:
    """The transaction of a batch, noted before it departs.

    So, whenever this process ends, what may have arrived already is sent again with the ID that it had.
    """
    transaction = build(server_nid, batch)
    if batch.owed and batch.txn_id is None:
        with db.write_unsynced():
            outbound.put_flight(server_nid, sent, transaction.txn_id, batch.owed)
    return transaction


def save(position: int, states: dict[int, tuple[int, bool]], landed: dict[int, str]) -> None:
    """Note how far servers are, whether they are behind, and the position that all others have reached.

    `landed` are transactions of which it is known what became of them.
    """
    with db.write_unsynced():
        if states:
            outbound.put_sent(states)
        outbound.end_flights(landed)
        outbound.put_progress(position)


def delete_messages(nids: Iterable[int]) -> None:
    """Messages to devices have arrived."""
    with db.write():
        outbound_edus.delete_messages(nids)
