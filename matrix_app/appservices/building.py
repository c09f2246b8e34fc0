"""From changes of the stream to the next transaction of an application service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from orjson import Fragment

from matrix_app.appservices.encryption import add_encryption
from matrix_app.appservices.ephemeral import ephemeral_data
from matrix_app.appservices.interest import Interest
from matrix_app.protocol.appservice_registration import Appservice
from matrix_app.services.event_view import render_events
from matrix_app.storage import events, interning, invite_state, members, push_queue, stream
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import Membership
from matrix_app.storage.stream import Kind, LogEntry

ENTRIES: Final = 500
MOST_EVENTS: Final = 100


@dataclass
class Built:
    """What happened up to `upto`; `body` is None when nothing of it is for the service.

    `devices` are those whose messages are in it, and up to which position.
    """

    upto: int
    body: dict[str, Any] | None = None
    devices: dict[int, int] = field(default_factory=dict)


def build(service: Appservice, interest: Interest, position: int, backlog: set[int]) -> Built | None:
    """The next transaction after `position`; None when nothing has happened.

    `backlog` are devices for which more messages wait than went into the transactions so far.
    """
    entries = stream.entries_after(position, ENTRIES)
    if not entries and not backlog:
        return None
    for entry in entries:
        if entry.kind == Kind.MEMBERSHIP and entry.room_nid is not None:
            interest.forget(entry.room_nid)
    rows, upto = _events(interest, entries, position)
    entries = [entry for entry in entries if entry.position <= upto]
    built = Built(upto)
    body: dict[str, Any] = {"events": _rendered(rows, interest)}
    if service.receive_ephemeral and (found := ephemeral_data(interest, entries, position, upto)):
        body["ephemeral"] = found
        if service.legacy_ephemeral:
            body["de.sorunome.msc2409.ephemeral"] = found
    if service.encrypts:
        built.devices = add_encryption(body, service, interest, entries, backlog)
    if body["events"] or len(body) > 1:
        built.body = body
    return built


def _events(interest: Interest, entries: list[LogEntry], after: int) -> tuple[list[EventRow], int]:
    """The events that are for the service, and up to which position that is all of them."""
    if not entries:
        return [], after
    upto = entries[-1].position
    kinds = (Kind.EVENT, Kind.STATE)
    room_nids = {entry.room_nid for entry in entries if entry.kind in kinds and entry.room_nid is not None}
    found = push_queue.events_between(room_nids, after, upto) if room_nids else []
    wanted = [row for row in found if interest.wants_event(row)]
    wanted += _invites_elsewhere(interest, entries, {row.nid for row in found})
    wanted.sort(key=lambda row: row.position or 0)
    if len(wanted) <= MOST_EVENTS:
        return wanted, upto
    last = wanted[MOST_EVENTS - 1].position or 0
    return [row for row in wanted if (row.position or 0) <= last], last


def _invites_elsewhere(interest: Interest, entries: Iterable[LogEntry], known: set[int]) -> list[EventRow]:
    """Invites of the service's users to rooms that this server is not in: they have no place in a room."""
    found = []
    for entry in entries:
        if entry.kind != Kind.MEMBERSHIP or entry.room_nid is None or entry.user_nid is None:
            continue
        member = members.get(entry.room_nid, entry.user_nid) if interest.owns_nid(entry.user_nid) else None
        if member is None or member.membership != Membership.INVITE or member.event_nid in known:
            continue
        row = events.rows_by_nid([member.event_nid]).get(member.event_nid)
        if row is not None:
            known.add(row.nid)
            found.append(row._replace(position=entry.position))
    return found


def _rendered(rows: list[EventRow], interest: Interest) -> list[Any]:
    rendered = render_events(rows, viewer_nid=None)
    return [_with_invite_state(row, event, interest) for row, event in zip(rows, rendered, strict=True)]


def _with_invite_state(row: EventRow, rendered: bytes, interest: Interest) -> Any:
    """An invite of one of the service's users comes with what they may see of the room."""
    if row.type != "m.room.member" or row.key_nid is None:
        return Fragment(rendered)
    event = events.parse(row)
    if event.content.get("membership") != "invite" or not interest.owns(event.state_key or ""):
        return Fragment(rendered)
    user_nid = interning.find_user(event.state_key or "")
    stored = None if user_nid is None else invite_state.get_many(user_nid, [row.room_nid]).get(row.room_nid)
    if stored is None:
        return Fragment(rendered)
    shown: dict[str, Any] = orjson.loads(rendered)
    shown.setdefault("unsigned", {})["invite_room_state"] = Fragment(stored)
    return shown
