"""What a user has done how often, for administrators who wonder about an account."""

from __future__ import annotations

from collections.abc import Iterator

from matrix_app.protocol.events import Event
from matrix_app.storage import events, sent_events
from matrix_app.storage.accounts import Account


def invites_sent(account: Account, from_ts: int) -> int:
    """How many invites a user has sent since a time (milliseconds since 1970)."""
    return sum(event.content.get("membership") == "invite" for _, event in _member_events(account, from_ts))


def rooms_joined(account: Account, from_ts: int) -> int:
    """How many rooms a user has joined since a time; those that they have left count too."""
    return len(
        {
            room_nid
            for room_nid, event in _member_events(account, from_ts)
            if event.state_key == account.user_id and event.content.get("membership") == "join"
        }
    )


def _member_events(account: Account, from_ts: int) -> Iterator[tuple[int, Event]]:
    for row in sent_events.member_events(account.user_nid, from_ts):
        yield row.room_nid, events.parse(row)
