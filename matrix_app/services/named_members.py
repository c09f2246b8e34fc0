"""The local members of rooms, whom texts may name: read once for as long as the room's state is the same."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from matrix_app.protocol.push_rules import NameIndex
from matrix_app.storage import db, interning, member_names
from matrix_app.storage.cache import ByteCache

# In a room with more local members names in texts are no mentions: they would not fit into memory.
MOST_MEMBERS: Final = 20_000
_EVENT_BYTES: Final = 110


class _Content(msgspec.Struct):
    displayname: Any = None


class _MemberEvent(msgspec.Struct):
    content: _Content


_DECODER: Final = msgspec.json.Decoder(_MemberEvent)


class _Known(NamedTuple):
    # What a state says never changes: the names are those of the room as long as it is in this state.
    state_nid: int | None
    events: dict[int, int]
    names: NameIndex | None


_known: ByteCache[int, _Known] = ByteCache("member_names", 24 << 20)
_NOTHING: Final = _Known(None, {}, NameIndex())


def names_in(room_nid: int, state_nid: int) -> NameIndex | None:
    """The names of a room's local members in its present state; None for a room with too many of them."""
    known = _known.get(room_nid)
    if known is None or known.state_nid != state_nid:
        known = _read(room_nid, known or _NOTHING)
        size = _EVENT_BYTES * len(known.events) + (known.names.size if known.names is not None else 0)
        db.on_commit(lambda: _known.put(room_nid, known, size))
    return known.names


def _read(room_nid: int, before: _Known) -> _Known:
    """The present names: of those members alone that are others than `before` the events are read."""
    state_nid, present = member_names.local_members(room_nid, MOST_MEMBERS + 1)
    if len(present) > MOST_MEMBERS:
        return _Known(state_nid, {}, None)
    new = {nid: event for nid, event in present.items() if before.events.get(nid) != event}
    gone = before.events.keys() - present.keys()
    index = before.names or NameIndex()
    if new or gone:
        index = index.changed(_display_names(new), interning.user_ids(gone).values())
    return _Known(state_nid, present, index)


def _display_names(member_events: dict[int, int]) -> dict[str, str]:
    user_ids = interning.user_ids(member_events)
    stored = member_names.stored_events(member_events.values())
    return {user_ids[nid]: _display_name(stored[event]) for nid, event in member_events.items()}


def _display_name(stored: bytes) -> str:
    name = _DECODER.decode(stored).content.displayname
    return name if isinstance(name, str) else ""
