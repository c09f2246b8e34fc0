"""What somebody has learned from syncs so far."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

JsonObject = dict[str, Any]


@dataclass
class Notes:
    """Adds up the answers of /sync."""

    # Whether an event may be in the timelines of two answers: Synapse's syncs repeat a join now and then.
    repeats: bool = False
    since: str | None = None
    joined: set[str] = field(default_factory=set)
    # By room: the state that is shown with an invite or a knock.
    invites: dict[str, list[JsonObject]] = field(default_factory=dict)
    knocks: dict[str, list[JsonObject]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    typing: dict[str, list[str]] = field(default_factory=dict)
    # (room, event ID, type, user ID) -> what is known of the receipt
    receipts: dict[tuple[str, str, str, str], JsonObject] = field(default_factory=dict)
    presence: dict[str, JsonObject] = field(default_factory=dict)
    messages: list[JsonObject] = field(default_factory=list)
    changed_devices: set[str] = field(default_factory=set)
    _timelines: dict[str, dict[str, JsonObject]] = field(default_factory=lambda: defaultdict(dict))

    def timeline(self, room: str) -> dict[str, JsonObject]:
        """The events of a room's timeline by their IDs, in the order in which they came."""
        return self._timelines[room]

    def add(self, answer: JsonObject) -> None:
        """Note one answer."""
        self.since = answer["next_batch"]
        rooms = answer.get("rooms", {})
        for room, update in rooms.get("join", {}).items():
            self._add_joined(room, update)
        for room, update in rooms.get("leave", {}).items():
            self._add_timeline(room, update)
            self._forget(room)
            self.left.add(room)
        for kind, known in (("invite", self.invites), ("knock", self.knocks)):
            for room, update in rooms.get(kind, {}).items():
                self._forget(room)
                known[room] = update[f"{kind}_state"]["events"]
        for event in answer.get("presence", {}).get("events", []):
            self.presence[event["sender"]] = event["content"]
        self.messages += answer.get("to_device", {}).get("events", [])
        self.changed_devices |= set(answer.get("device_lists", {}).get("changed", []))

    def _forget(self, room: str) -> None:
        self.joined.discard(room)
        self.left.discard(room)
        self.invites.pop(room, None)
        self.knocks.pop(room, None)

    def _add_joined(self, room: str, update: JsonObject) -> None:
        self._forget(room)
        self.joined.add(room)
        self._add_timeline(room, update)
        for event in update.get("ephemeral", {}).get("events", []):
            if event["type"] == "m.typing":
                self.typing[room] = event["content"]["user_ids"]
            elif event["type"] == "m.receipt":
                self._add_receipts(room, event["content"])

    def _add_timeline(self, room: str, update: JsonObject) -> None:
        for event in update.get("timeline", {}).get("events", []):
            is_new = event["event_id"] not in self._timelines[room]
            assert is_new or self.repeats, f"came twice: {event}"
            self._timelines[room][event["event_id"]] = event

    def _add_receipts(self, room: str, content: JsonObject) -> None:
        for event_id, by_type in content.items():
            for kind, users in by_type.items():
                for user_id, data in users.items():
                    self.receipts[room, event_id, kind, user_id] = data
