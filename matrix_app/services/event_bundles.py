"""What others relate to events, as it is bundled with them ("Aggregations of child events")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from matrix_app.protocol.relations import (
    REFERENCE,
    REPLACE,
    ThreadSummary,
    bundled_aggregations,
    latest_replacement,
)
from matrix_app.services.thread_summaries import Threads, find_threads
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import children, events, ignored_users
from matrix_app.storage.children import Child
from matrix_app.storage.events import EventRow

# Writes an event with further entries of `unsigned`.
Render = Callable[[EventRow, bytes], bytes]

# Of the edits of one event, so many of the newest are looked at for a valid one.
_EDITS_TRIED = 5


@dataclass(slots=True)
class Bundles:
    """What relates to some events, ready to be written."""

    edits: Mapping[int, EventRow] = field(default_factory=dict)
    references: Mapping[str, list[str]] = field(default_factory=dict)
    threads: Threads = field(default_factory=Threads)

    def rows(self) -> list[EventRow]:
        """The events that go along with others."""
        return [
            *self.edits.values(),
            *(summary.latest_event for summary in self.threads.summaries.values()),
        ]

    def entry(self, row: EventRow, render: Render) -> bytes:
        """`m.relations` of an event as an entry of `unsigned` with a comma before it; empty for none."""
        edit = self.edits.get(row.nid)
        references = self.references.get(row.event_id, ())
        thread = self.threads.summaries.get(row.nid)
        if edit is None and thread is None and not references:
            return b""
        relations = bundled_aggregations(
            redacted=row.redacted_by_nid is not None,
            replacement=None if edit is None else orjson.Fragment(render(edit, b"")),
            thread=None if thread is None else self._summary(thread, render),
            references=references,
        )
        return b',"m.relations":' + orjson.dumps(relations) if relations else b""

    def _summary(self, thread: ThreadSummary, render: Render) -> ThreadSummary:
        # The latest event comes with its own aggregations; it cannot be the root of a thread.
        latest: EventRow = thread.latest_event
        written = orjson.Fragment(render(latest, self.entry(latest, render)))
        return ThreadSummary(written, thread.count, thread.current_user_participated)


def find_bundles(rows: Sequence[EventRow], viewer_nid: int, ignored: frozenset[int] | None) -> Bundles:
    """What relates to those of the events that are no state events."""
    parents = [row for row in rows if row.key_nid is None]
    if not parents:
        return Bundles()
    threads = find_threads(parents, viewer_nid, ignored)
    parents += [summary.latest_event for summary in threads.summaries.values()]
    by_id = {row.event_id: row for row in parents}
    related = children.related_to(by_id, (REPLACE, REFERENCE))
    if not related:
        return Bundles(threads=threads)
    hidden = ignored_users.ignored_by(viewer_nid) if ignored is None else ignored
    related = [
        child
        for child in related
        if child.sender_nid not in hidden and child.room_nid == by_id[child.parent_event_id].room_nid
    ]
    visible = _visible(related, by_id, viewer_nid, hidden)
    return Bundles(_latest_edits(related, by_id, visible), _references(related, visible), threads)


def _visible(
    related: Iterable[Child], parents: Mapping[str, EventRow], viewer_nid: int, ignored: frozenset[int]
) -> dict[int, EventRow]:
    candidates: dict[str, list[Child]] = defaultdict(list)
    wanted = []
    for child in related:
        if child.rel_type == REFERENCE:
            wanted.append(child.nid)
        elif _may_replace(child, parents[child.parent_event_id]):
            candidates[child.parent_event_id].append(child)
    for edits in candidates.values():
        edits.sort(key=lambda edit: (edit.origin_server_ts, edit.event_id), reverse=True)
        wanted += [edit.nid for edit in edits[:_EDITS_TRIED]]
    found = list(events.rows_by_nid(wanted).values()) if wanted else []
    return {row.nid: row for row in filter_visible(found, viewer_nid, ignored=ignored)}


def _may_replace(child: Child, parent: EventRow) -> bool:
    return child.sender_nid == parent.sender_nid and child.type == parent.type


def _latest_edits(
    related: Iterable[Child], parents: Mapping[str, EventRow], visible: Mapping[int, EventRow]
) -> dict[int, EventRow]:
    edits: dict[int, list[EventRow]] = defaultdict(list)
    for child in related:
        if child.rel_type == REPLACE and child.nid in visible:
            edits[parents[child.parent_event_id].nid].append(visible[child.nid])
    originals = {row.nid: row for row in parents.values()}
    latest = {}
    for nid, rows in edits.items():
        by_id = {row.event_id: row for row in rows}
        chosen = latest_replacement(events.parse(originals[nid]), [events.parse(row) for row in rows])
        if chosen is not None:
            latest[nid] = by_id[chosen.event_id]
    return latest


def _references(related: Iterable[Child], visible: Mapping[int, EventRow]) -> dict[str, list[str]]:
    references: dict[str, list[str]] = defaultdict(list)
    for child in related:
        if child.rel_type == REFERENCE and child.nid in visible:
            references[child.parent_event_id].append(child.event_id)
    return references
