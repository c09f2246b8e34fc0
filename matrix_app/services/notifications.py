"""What notified a user ("Listing notifications"): found by looking back through their rooms and invites.

Nothing is stored for it. The rules that are asked are those of now, and at most so many events are looked
at for one page; the token of the next page goes on from there.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Final, NamedTuple

from orjson import Fragment

from matrix_app.protocol.events import Event
from matrix_app.protocol.push_rules import EventView, PushContext, compile_ruleset, outcome_of
from matrix_app.services.event_threads import root_of
from matrix_app.services.event_view import render_events
from matrix_app.services.push_outcomes import (
    asks_for_levels,
    context_of,
    display_name,
    searches_texts,
    subscribers,
)
from matrix_app.services.push_rules import custom_of
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import events, ignored_users, interning, members, rooms, unread
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import Membership

MOST_SCANNED: Final = 1000
MAX_LIMIT: Final = 100
PAGE: Final = 50
_NEWEST: Final = (1 << 63) - 1


class _Notification(NamedTuple):
    row: EventRow
    actions: list[Any]


def notifications_of(
    user_nid: int, *, before: int | None = None, limit: int, highlights_only: bool = False
) -> dict[str, Any]:
    """A page of notifications, newest first; `before` is the `next_token` of the page ahead."""
    limit = max(1, min(limit, MAX_LIMIT))
    judge = _Judge(user_nid, highlights_only)
    found: list[_Notification] = []
    last, scanned = 0, 0
    for row in islice(_newest_events(user_nid, before or _NEWEST), MOST_SCANNED):
        last, scanned = row.position or 0, scanned + 1
        actions = judge.actions_for(row)
        if actions is not None:
            found.append(_Notification(row, actions))
        if len(found) == limit:
            break
    page: dict[str, Any] = {"notifications": _shown(user_nid, found)}
    if len(found) == limit or scanned == MOST_SCANNED:
        page["next_token"] = str(last)
    return page


class _Judge:
    """Whether events notified a user, by the user's present rules."""

    def __init__(self, user_nid: int, highlights_only: bool) -> None:
        self._user_nid = user_nid
        self._highlights_only = highlights_only
        self._compiled = compile_ruleset(custom_of(user_nid), interning.user_id_of(user_nid))
        self._by_text = searches_texts()
        self._contexts: dict[int, PushContext] = {}
        self._names: dict[int, str | None] = {}

    def actions_for(self, row: EventRow) -> list[Any] | None:
        """The actions, if the event notified."""
        if row.sender_nid == self._user_nid or row.redacted_by_nid is not None:
            return None
        event = events.parse(row)
        view, context = EventView.of(event), self._context(row.room_nid, event)
        by_text = self._by_text and view.may_name_in_text
        name = self._name_in(row.room_nid) if by_text or self._compiled.asks_for_name else None
        actions = self._compiled.actions_for(view, context, name, by_text=by_text)
        outcome = outcome_of(actions)
        if not outcome.notify or (self._highlights_only and not outcome.highlight):
            return None
        return actions

    def _context(self, room_nid: int, event: Event) -> PushContext:
        if asks_for_levels(event) or self._compiled.asks_for_levels:
            return context_of(rooms.by_nid(room_nid), event, with_levels=True)
        context = self._contexts.get(room_nid)
        if context is None:
            context = self._contexts[room_nid] = context_of(rooms.by_nid(room_nid), event)
            return context
        return replace(context, subscribers=subscribers(event))

    def _name_in(self, room_nid: int) -> str | None:
        if room_nid not in self._names:
            self._names[room_nid] = display_name(rooms.by_nid(room_nid), self._compiled.user_id)
        return self._names[room_nid]


def _newest_events(user_nid: int, before: int) -> Iterator[EventRow]:
    """Visible events of all rooms the user is in, since they joined, and their invites, newest first.

    A room is only read once the others have nothing newer.
    """
    joined = {row.room_nid: row.changed_position for row in members.of_user(user_nid, [Membership.JOIN])}
    # (negated position, room, event or None where the room has to be read from there on)
    heap: list[tuple[int, int, EventRow | None]] = [
        (-min(position, before - 1), nid, None) for nid, position in rooms.positions(joined).items()
    ]
    heap += [(-(row.position or 0), row.room_nid, row) for row in _invites(user_nid, before)]
    heapq.heapify(heap)
    while heap:
        place, room_nid, row = heapq.heappop(heap)
        if row is not None:
            yield row
            continue
        page = events.timeline(room_nid, joined[room_nid], -place, PAGE)
        for shown in filter_visible(page, user_nid):
            heapq.heappush(heap, (-(shown.position or 0), room_nid, shown))
        if len(page) == PAGE:
            heapq.heappush(heap, (-((page[-1].position or 1) - 1), room_nid, None))


def _invites(user_nid: int, before: int) -> list[EventRow]:
    """The invites that the user has not answered, but those of whom they ignore."""
    ignored = ignored_users.ignored_by(user_nid)
    found = [
        row
        for row in members.of_user(user_nid, [Membership.INVITE])
        if row.position < before and row.sender_nid not in ignored
    ]
    known = events.rows_by_nid([row.event_nid for row in found])
    # An invite to a room that is not known here has no position of its own.
    return [known[row.event_nid]._replace(position=row.position) for row in found if row.event_nid in known]


def _shown(user_nid: int, found: list[_Notification]) -> list[dict[str, Any]]:
    rendered = render_events([item.row for item in found], viewer_nid=user_nid, include_room_id=False)
    marks = unread.marks(user_nid, list({item.row.room_nid for item in found}))
    return [
        {
            "actions": item.actions,
            "event": Fragment(event),
            # No rule here is of one device alone.
            "profile_tag": "",
            "read": _is_read(item.row, marks),
            "room_id": rooms.by_nid(item.row.room_nid).room_id,
            "ts": item.row.origin_server_ts,
        }
        for item, event in zip(found, rendered, strict=True)
    ]


def _is_read(row: EventRow, marks: dict[tuple[int, int], tuple[int, int]]) -> bool:
    timeline = root_of(row) or unread.MAIN
    nowhere = (0, 0)
    reached = max(
        marks.get((row.room_nid, unread.ROOM), nowhere)[0], marks.get((row.room_nid, timeline), nowhere)[0]
    )
    return (row.position or 0) <= reached
