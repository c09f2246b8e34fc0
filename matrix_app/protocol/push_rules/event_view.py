"""An event as push rule conditions look at it: properties by path, each found once for all users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from matrix_app.protocol.events import Event
from matrix_app.protocol.property_paths import split_path


class Absent:
    """The type of `ABSENT`."""


ABSENT: Final = Absent()


class EventView:
    """The properties of one event, looked up when first asked for and kept.

    `room_id` stands in for PDUs that carry none. One view serves every user that an event is
    evaluated for; the PDU must not change while it is in use.
    """

    __slots__ = ("_lowered", "_pdu", "_values", "room_id", "sender")

    def __init__(self, pdu: Mapping[str, Any], room_id: str) -> None:
        self._pdu = pdu
        self._values: dict[str, Any] = {"room_id": room_id}
        self._lowered: dict[str, str | None] = {}
        self.room_id = room_id
        self.sender: str = pdu["sender"]

    @classmethod
    def of(cls, event: Event) -> EventView:
        """The view of `event`, with the ID that clients know it by."""
        view = cls(event.pdu, event.room_id)
        view._values["event_id"] = event.event_id
        return view

    def value(self, path: str) -> Any:
        """The property at the dot-separated `path`, or `ABSENT`."""
        found = self._values.get(path, self)
        if found is self:
            found = self._values[path] = self._walk(path)
        return found

    def lowered(self, path: str) -> str | None:
        """The string at `path` in lower case; None when there is no string."""
        found = self._lowered.get(path, ABSENT)
        if isinstance(found, Absent):
            value = self.value(path)
            found = self._lowered[path] = value.lower() if isinstance(value, str) else None
        return found

    @property
    def may_name_in_text(self) -> bool:
        """Whether a mention in its text counts: there is a text, and no `m.mentions` that says otherwise."""
        has_mentions = not isinstance(self.value(r"content.m\.mentions"), Absent)
        return not has_mentions and self.lowered("content.body") is not None

    def _walk(self, path: str) -> Any:
        value: Any = self._pdu
        for name in split_path(path):
            if not isinstance(value, Mapping) or name not in value:
                return ABSENT
            value = value[name]
        return value
