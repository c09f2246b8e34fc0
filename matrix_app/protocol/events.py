"""A PDU with its event ID and the rules of its room ("Events" and "PDUs" of the specification)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matrix_app.protocol.room_versions import RoomVersion

type_and_key = tuple[str, str]
StateMap = Mapping[type_and_key, "Event"]


class Event:
    """One event: the PDU as received, its ID, and the fields that code asks for most.

    `pdu` holds exactly what is hashed and signed and is never changed. `state_key` is None for an
    event that is not a state event. `prev_event_ids` and `auth_event_ids` are plain IDs whatever
    the room version's format. `room_id` is derived for create events that carry none (version 12).
    `signed` is what its signatures cover, where that is at hand and still to be verified; `is_verified` says
    that they have been found right. `is_unauthorised` says that the one is missing or wrong of the server
    which is said to have let the user in, so that the event is to be rejected. `json` is its canonical JSON,
    where that is at hand and still to be stored.
    """

    __slots__ = (
        "auth_event_ids",
        "content",
        "depth",
        "event_id",
        "is_unauthorised",
        "is_verified",
        "json",
        "origin_server_ts",
        "pdu",
        "prev_event_ids",
        "rejected",
        "room_id",
        "rules",
        "sender",
        "signed",
        "state_key",
        "type",
    )

    def __init__(
        self, pdu: dict[str, Any], event_id: str, rules: RoomVersion, rejected: bool = False
    ) -> None:
        self.pdu = pdu
        self.event_id = event_id
        self.rules = rules
        self.rejected = rejected
        self.signed: bytes | None = None
        self.json: bytes | None = None
        self.is_verified = False
        self.is_unauthorised = False
        self.type: str = pdu["type"]
        self.sender: str = pdu["sender"]
        self.state_key: str | None = pdu.get("state_key")
        self.content: dict[str, Any] = pdu["content"]
        self.depth: int = pdu["depth"]
        self.origin_server_ts: int = pdu["origin_server_ts"]
        self.room_id: str = pdu.get("room_id") or "!" + event_id[1:]
        self.prev_event_ids = _plain_ids(pdu["prev_events"])
        self.auth_event_ids = _plain_ids(pdu["auth_events"])

    @property
    def is_state(self) -> bool:
        """Whether this is a state event."""
        return self.state_key is not None

    @property
    def redacts(self) -> str | None:
        """The ID of the event that this `m.room.redaction` redacts, wherever the version keeps it."""
        value = self.content.get("redacts") if self.rules.redacts_in_content else self.pdu.get("redacts")
        # No event has an ID with NUL, and no database looks for one.
        return value if isinstance(value, str) and "\0" not in value else None

    def __repr__(self) -> str:
        return f"<Event {self.event_id} {self.type} {self.state_key!r} by {self.sender}>"


def _plain_ids(references: list[Any]) -> list[str]:
    # Versions 1 and 2 reference events as [event_id, hashes].
    return [reference if isinstance(reference, str) else reference[0] for reference in references]
