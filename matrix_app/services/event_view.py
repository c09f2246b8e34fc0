"""Stored events as JSON for one viewer ("Room event format" of the client-server API)."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

import orjson

from matrix_app.services.event_bundles import Bundles, find_bundles
from matrix_app.services.event_json import event_body, with_unsigned
from matrix_app.services.previous_state import find_previous
from matrix_app.services.state_at import states_at
from matrix_app.services.visibility import membership_word
from matrix_app.storage import events, interning, transactions
from matrix_app.storage.events import ERASED, EventRow

# What is appended to `unsigned`, by event nid.
_Entries = defaultdict[int, bytes]


def render_events(
    rows: Sequence[EventRow],
    *,
    viewer_nid: int | None,
    device_nid: int | None = None,
    include_room_id: bool = True,
    bundle: bool = True,
    ignored: frozenset[int] | None = None,
) -> list[bytes]:
    """Events of a timeline as the viewer's device gets them, in order; who may see them was checked before.

    None stands for an application service, which is no member of rooms, and gets no relations with an event.
    `bundle` adds what others relate to them. `ignored` saves looking up whom the viewer ignores. The
    number of statements does not depend on that of the events.
    """
    bundles = find_bundles(rows, viewer_nid, ignored) if bundle and viewer_nid is not None else Bundles()
    every = list({row.nid: row for row in (*rows, *bundles.rows())}.values())
    entries = _common_entries(every, viewer_nid, device_nid, include_room_id)
    memberships = _Memberships(every, viewer_nid) if viewer_nid is not None else _NoMemberships()
    for row in every:
        entries[row.nid] = memberships.entry(row) + entries[row.nid]
    _add_bundles(rows, bundles, entries, include_room_id)
    for nid, entry in find_previous(rows, viewer_nid).items():
        entries[nid] += entry
    now = _now()
    return [
        with_unsigned(event_body(row, include_room_id), now - row.origin_server_ts, entries[row.nid])
        for row in rows
    ]


def render_state(
    rows: Sequence[EventRow],
    *,
    viewer_nid: int | None = None,
    device_nid: int | None = None,
    include_room_id: bool = True,
) -> list[bytes]:
    """State events as a list of state has them: without what came before them or relates to them."""
    entries = _common_entries(rows, viewer_nid, device_nid, include_room_id)
    now = _now()
    return [
        with_unsigned(event_body(row, include_room_id), now - row.origin_server_ts, entries.get(row.nid, b""))
        for row in rows
    ]


def _now() -> int:
    return time.time_ns() // 1_000_000


def _common_entries(
    rows: Sequence[EventRow], viewer_nid: int | None, device_nid: int | None, include_room_id: bool
) -> _Entries:
    entries: _Entries = defaultdict(bytes)
    redacted = [row for row in rows if row.redacted_by_nid not in (None, ERASED)]
    if redacted:
        _add_redactions(redacted, entries, include_room_id)
    if device_nid is not None:
        own = [row for row in rows if row.sender_nid == viewer_nid]
        for nid, txn_id in transactions.txn_ids_of(device_nid, own).items():
            entries[nid] += b',"transaction_id":' + orjson.dumps(txn_id)
    return entries


def _add_redactions(rows: Sequence[EventRow], entries: _Entries, include_room_id: bool) -> None:
    redactions = events.rows_by_nid({row.redacted_by_nid for row in rows if row.redacted_by_nid})
    now = _now()
    for row in rows:
        redaction = redactions.get(row.redacted_by_nid or 0)
        if redaction is not None:
            because = with_unsigned(
                event_body(redaction, include_room_id), now - redaction.origin_server_ts, b""
            )
            entries[row.nid] += b',"redacted_by":%b,"redacted_because":%b' % (
                orjson.dumps(redaction.event_id),
                because,
            )


def _add_bundles(
    rows: Sequence[EventRow], bundles: Bundles, entries: _Entries, include_room_id: bool
) -> None:
    now, plain = _now(), dict(entries)

    def render(row: EventRow, relations: bytes = b"") -> bytes:
        # "Serialized in the same form as the event itself."
        unsigned = plain[row.nid] + relations
        return with_unsigned(event_body(row, include_room_id), now - row.origin_server_ts, unsigned)

    for row in rows:
        relations = bundles.entry(row, render)
        if relations:
            entries[row.nid] += relations


class _NoMemberships:
    """In place of `_Memberships`, where nobody looks who can be a member."""

    def entry(self, _row: EventRow) -> bytes:
        """Nothing."""
        return b""


class _Memberships:
    """The viewer's membership at each of some events, as an entry of `unsigned`."""

    def __init__(self, rows: Sequence[EventRow], viewer_nid: int) -> None:
        pair = ("m.room.member", interning.user_id_of(viewer_nid))
        found = states_at({row.state_after for row in rows}, [pair])[pair]
        self._entries: dict[int | None, bytes] = {
            nid: b',"membership":"%b"' % membership_word(event).encode() for nid, event in found.items()
        }

    def entry(self, row: EventRow) -> bytes:
        """Empty where the state at the event is not known."""
        if row.is_outlier:
            return b""
        return self._entries.get(row.state_after, b',"membership":"leave"')
