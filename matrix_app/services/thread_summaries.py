"""The summary that the root of a thread is bundled with ("Server-side aggregation of `m.thread`")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matrix_app.protocol.relations import THREAD, ThreadSummary, relation_of
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import children, events, ignored_users, relations
from matrix_app.storage.events import EventRow
from matrix_app.storage.relations import ThreadRow

# Where the very latest event of a thread is not for the viewer, so many more are looked at.
_LATEST_TRIED = 20


@dataclass(slots=True)
class Threads:
    """Summaries by the root's nid; `latest_event` is an `EventRow`."""

    summaries: dict[int, ThreadSummary] = field(default_factory=dict)


def find_threads(rows: Sequence[EventRow], viewer_nid: int, ignored: frozenset[int] | None) -> Threads:
    """The threads of those of the events that are roots, as the viewer sees them."""
    roots = {row.nid: row for row in rows if row.thread_root_nid is None}
    found = relations.threads(roots) if roots else {}
    fetched = _fetched([row for row in roots.values() if row.position is None])
    found.update(fetched)
    if not found:
        return Threads()
    hidden = ignored_users.ignored_by(viewer_nid) if ignored is None else ignored
    latest = _latest(found, roots, viewer_nid, hidden)
    counts = _counts(found, roots, hidden)
    mine = children.participated_in(viewer_nid, found) | _taken_part_in(viewer_nid, fetched, roots)
    return Threads(
        {
            nid: ThreadSummary(latest[nid], counts[nid], nid in mine or roots[nid].sender_nid == viewer_nid)
            for nid in found
            if nid in latest
        }
    )


def _fetched(roots: Sequence[EventRow]) -> dict[int, ThreadRow]:
    """The threads of roots that came with a room's history, whose events nobody has counted."""
    by_id = {row.event_id: row for row in roots if relation_of(events.parse(row).content) is None}
    found: dict[int, ThreadRow] = {}
    for room_nid in {row.room_nid for row in by_id.values()}:
        ids = [row.event_id for row in by_id.values() if row.room_nid == room_nid]
        for thread in children.gather_threads(room_nid, ids):
            root = by_id[thread.root_event_id]
            place = (thread.latest_nid, thread.latest_position or 0, thread.total, 0)
            found[root.nid] = ThreadRow(root.nid, room_nid, *place)
    return found


def _taken_part_in(
    viewer_nid: int, fetched: Mapping[int, ThreadRow], roots: Mapping[int, EventRow]
) -> set[int]:
    if not fetched:
        return set()
    by_id = {roots[nid].event_id: nid for nid in fetched}
    return {by_id[root_id] for root_id in children.parents_among(by_id, [THREAD], [viewer_nid])}


def _latest(
    found: Mapping[int, ThreadRow], roots: Mapping[int, EventRow], viewer_nid: int, hidden: frozenset[int]
) -> dict[int, EventRow]:
    rows = events.rows_by_nid({thread.latest_nid for thread in found.values()})
    seen = {
        row.nid: row
        for row in filter_visible(list(rows.values()), viewer_nid, ignored=hidden)
        if row.redacted_by_nid is None
    }
    latest = {
        nid: seen[thread.latest_nid]
        for nid, thread in found.items()
        if thread.latest_nid in seen and seen[thread.latest_nid].room_nid == roots[nid].room_nid
    }
    missing = [roots[nid] for nid in found if nid not in latest]
    if missing:
        latest.update(_older(missing, viewer_nid, hidden))
    return latest


def _older(roots: Sequence[EventRow], viewer_nid: int, hidden: frozenset[int]) -> dict[int, EventRow]:
    by_id = {root.event_id: root for root in roots}
    pairs = children.latest_in_threads(by_id, hidden, _LATEST_TRIED)
    rows = events.rows_by_nid({nid for _, nid in pairs})
    seen = {row.nid: row for row in filter_visible(list(rows.values()), viewer_nid, ignored=hidden)}
    latest: dict[int, EventRow] = {}
    for root_id, nid in sorted(pairs, key=lambda pair: pair[1]):
        if nid in seen and seen[nid].room_nid == by_id[root_id].room_nid:
            latest[by_id[root_id].nid] = seen[nid]
    return latest


def _counts(
    found: Mapping[int, ThreadRow], roots: Mapping[int, EventRow], hidden: frozenset[int]
) -> dict[int, int]:
    counts = {nid: thread.reply_count for nid, thread in found.items()}
    if hidden:
        ids = {roots[nid].event_id: nid for nid in found}
        for root_id, unseen in children.count_in_threads(ids, hidden).items():
            counts[ids[root_id]] -= unseen
    return counts
