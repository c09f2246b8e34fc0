"""Ephemeral data for application services ("Pushing ephemeral data"): receipts, who types, presence."""

from __future__ import annotations

from typing import Any

from matrix_app.appservices.interest import Interest
from matrix_app.storage import appservice_queue, interning, presence, receipts, rooms, typing
from matrix_app.storage.clock import now_ms
from matrix_app.storage.stream import Kind, LogEntry


def ephemeral_data(
    interest: Interest, entries: list[LogEntry], after: int, upto: int
) -> list[dict[str, Any]]:
    """What of the changes in after < position <= upto is for the service."""
    return [
        *_typing(interest, entries, after, upto),
        *_receipts(interest, entries, after, upto),
        *_presence(interest, entries, upto),
    ]


def _rooms(interest: Interest, entries: list[LogEntry], kind: Kind) -> list[int]:
    changed = {
        entry.room_nid: entry.position
        for entry in entries
        if entry.kind == kind and entry.room_nid is not None and entry.user_nid is None
    }
    return [nid for nid, position in changed.items() if interest.wants_room(nid, position)]


def _typing(interest: Interest, entries: list[LogEntry], after: int, upto: int) -> list[dict[str, Any]]:
    room_nids = _rooms(interest, entries, Kind.TYPING)
    typists = typing.in_rooms(room_nids, after, upto) if room_nids else {}
    names = interning.user_ids({nid for nids in typists.values() for nid in nids})
    return [
        {
            "type": "m.typing",
            "room_id": rooms.by_nid(room_nid).room_id,
            "content": {"user_ids": [names[nid] for nid in nids]},
        }
        for room_nid, nids in typists.items()
    ]


def _receipts(interest: Interest, entries: list[LogEntry], after: int, upto: int) -> list[dict[str, Any]]:
    room_nids = _rooms(interest, entries, Kind.RECEIPT)
    found = receipts.in_rooms(room_nids, after, upto, 0) if room_nids else []
    # "Private read receipts MUST only be sent for users matching one of the application service's
    # namespaces."
    private = {
        entry.user_nid
        for entry in entries
        if entry.kind == Kind.RECEIPT and entry.user_nid is not None and interest.owns_nid(entry.user_nid)
    }
    if private:
        found = [*found, *appservice_queue.private_receipts(private, after, upto)]
    return [
        {"type": "m.receipt", "room_id": rooms.by_nid(room_nid).room_id, "content": content}
        for room_nid, content in receipts.contents(found).items()
    ]


def _presence(interest: Interest, entries: list[LogEntry], upto: int) -> list[dict[str, Any]]:
    changed = {
        entry.user_nid for entry in entries if entry.kind == Kind.PRESENCE and entry.user_nid is not None
    }
    wanted = [nid for nid in changed if interest.wants_user(nid, upto)]
    now = now_ms()
    return [
        {
            "type": "m.presence",
            "sender": interning.user_id_of(nid),
            "content": presence.content_of(row, now),
        }
        for nid, row in presence.get_many(wanted).items()
    ]
