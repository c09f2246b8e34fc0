"""What the sender finds in the database when it begins, and notes there while it is at work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import structlog

from appliance.config import get_config
from matrix_app.federation.sender.queue import Batch
from matrix_app.federation.sender.transaction import Transaction, build
from matrix_app.protocol.errors import MatrixError, RemoteUnreachable
from matrix_app.services.retry_wait import growing, spread
from matrix_app.storage import db, outbound, outbound_edus, outbound_refusals, stream
from matrix_app.storage.clock import now_ms
from matrix_app.storage.outbound import Flight

# After so long a silence other servers have given this one up: they are told that it is back.
LONG_SILENCE_MS: Final = 600_000

_log = structlog.get_logger("matrix_app.federation.sender")


# How long a server that refuses is left alone at first; one whose answer was cut off is sent it again soon.
REFUSED_MS: Final = 10_000
BROKEN_OFF_MS: Final = 1_000


class LogEndedError(Exception):
    """Changes are no longer in the stream's log that the sender has not read."""


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
    position = _past_the_gap(position)
    with_messages = outbound_edus.servers_with_messages(0, position)
    behind = outbound.behind()
    greet = outbound.servers_elsewhere() if now_ms() - seen_ts > LONG_SILENCE_MS else set()
    flights = outbound.flights()
    names = outbound.server_names(((with_messages | flights.keys()) - behind) | greet)
    return Start(
        position, outbound.sent_after(position), behind, with_messages - behind, greet, names, flights
    )


def has_gap_after(position: int) -> bool:
    """Whether the log has lost changes after a position. Where nothing had happened yet, nothing is lost."""
    return position > 0 and stream.oldest_logged() > position + 1


def _past_the_gap(position: int) -> int:
    """Where the log goes on. Where it begins only later, every server may lack what it no longer has."""
    if not has_gap_after(position):
        return position
    oldest = stream.oldest_logged()
    with db.write():
        outbound.leave_all_behind(position)
        outbound.put_progress(oldest - 1)
    _log.error("changes are no longer logged: all servers catch up", since=position, until=oldest)
    return oldest - 1


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


def refused(server_nid: int, error: MatrixError) -> float:
    """A server that answers did not take what it was sent: when it is asked again, in seconds from now."""
    first = BROKEN_OFF_MS if isinstance(error, RemoteUnreachable) else REFUSED_MS
    longest = get_config().federation.longest_backoff_seconds * 1000
    with db.write():
        times = outbound_refusals.count(server_nid)
        wait = spread(growing(first, times, longest))
        outbound_refusals.put(server_nid, times + 1, now_ms() + wait, error.message)
    return wait / 1000


def refuses_no_more(server_nid: int) -> None:
    """A server has taken something again."""
    with db.write():
        outbound_refusals.end(server_nid)


def delete_messages(nids: Iterable[int]) -> None:
    """Messages to devices have arrived."""
    with db.write():
        outbound_edus.delete_messages(nids)
