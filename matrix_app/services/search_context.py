"""The context of the results of a search."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from matrix_app.services.event_context import Context, read_context
from matrix_app.services.room_access import RoomAccess
from matrix_app.services.room_state import members_at
from matrix_app.storage import events, interning
from matrix_app.storage.events import EventRow

_MOST: Final = 50


class ResultContext(NamedTuple):
    """The events around a result, and the profiles that their senders had then, if wanted."""

    context: Context
    profiles: dict[str, dict[str, Any]] | None


def result_context(
    access: RoomAccess, row: EventRow, *, before: int, after: int, profiles: bool
) -> ResultContext:
    """The context of a result that the reader of `access` may see."""
    context = read_context(access, row, before=min(max(before, 0), _MOST), after=min(max(after, 0), _MOST))
    return ResultContext(context, _profiles(context) if profiles else None)


def _profiles(context: Context) -> dict[str, dict[str, Any]]:
    senders = interning.user_ids({row.sender_nid for row in context.rows}).values()
    found = {}
    for row in members_at(context.last.state_after, list(senders)):
        event = events.parse(row)
        content = {} if row.redacted_by_nid is not None else event.content
        names = {key: content.get(key) for key in ("displayname", "avatar_url")}
        found[event.state_key or ""] = {key: value for key, value in names.items() if isinstance(value, str)}
    return found
