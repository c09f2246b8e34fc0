"""Rooms of local users in the database, made event by event."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import room_version
from matrix_app.services.room_writer import RoomWriter, write_room
from matrix_app.storage import events, interning, rooms
from matrix_app.storage.events import EventRow

ALICE = "@alice:hearth.example"
BOB = "@bob:hearth.example"
CHARLIE = "@charlie:hearth.example"

_serial = itertools.count()


class StoredRoom:
    """A room that stands in the database; every method stores one event and returns its row."""

    def __init__(
        self,
        *,
        creator: str = ALICE,
        version: str = "10",
        join_rule: str = "public",
        visibility: str | None = None,
        room_type: str | None = None,
        members: Iterable[str] = (),
    ) -> None:
        self.creator = creator
        self.room_id = f"!room{next(_serial)}:hearth.example"
        self.identity = rooms.create(self.room_id, version, interning.user_nid(creator), None)
        content: dict[str, Any] = {"room_version": version}
        if not room_version(version).implicit_room_creator:
            content["creator"] = creator
        if room_type is not None:
            content["type"] = room_type
        self.state("m.room.create", content)
        self.join(creator)
        self.state("m.room.power_levels", {"users": {creator: 100}})
        self.state("m.room.join_rules", {"join_rule": join_rule})
        if visibility is not None:
            self.state("m.room.history_visibility", {"history_visibility": visibility})
        for member in members:
            self.join(member)

    @classmethod
    def existing(cls, room_id: str) -> StoredRoom:
        """A room that has been made otherwise."""
        room = cls.__new__(cls)
        identity = rooms.find(room_id)
        assert identity is not None
        room.identity, room.room_id = identity, room_id
        return room

    @property
    def nid(self) -> int:
        """The room's nid."""
        return self.identity.nid

    def send(self, type: str, sender: str, content: dict[str, Any], **fields: Any) -> EventRow:
        """Store any event."""

        def change(room: RoomWriter) -> Event:
            return room.add(type=type, sender=sender, content=content, **fields)

        return self.row(write_room(self.identity, change).event_id)

    def row(self, event_id: str) -> EventRow:
        """A stored event as it is now."""
        found = events.row_by_id(event_id)
        assert found is not None
        return found

    def state(self, type: str, content: dict[str, Any], key: str = "", sender: str | None = None) -> EventRow:
        """A state event, sent by the creator if nobody else is named."""
        return self.send(type, sender or self.creator, content, state_key=key)

    def message(self, sender: str, body: str = "hello", **content: Any) -> EventRow:
        """A text message."""
        return self.send("m.room.message", sender, {"msgtype": "m.text", "body": body, **content})

    def relate(self, sender: str, parent: EventRow, rel_type: str, **content: Any) -> EventRow:
        """A message that relates to another."""
        relation = {"rel_type": rel_type, "event_id": parent.event_id}
        return self.message(sender, **{"m.relates_to": relation, **content})

    def edit(self, sender: str, parent: EventRow, body: str, *, ts: int | None = None) -> EventRow:
        """An edit of a message."""
        new = {"msgtype": "m.text", "body": body}
        relation = {"rel_type": "m.replace", "event_id": parent.event_id}
        content = {**new, "m.new_content": new, "m.relates_to": relation}
        return self.send("m.room.message", sender, content, origin_server_ts=ts)

    def redact(self, sender: str, target: EventRow) -> EventRow:
        """A redaction."""
        fields = {} if self.identity.rules.redacts_in_content else {"redacts": target.event_id}
        content = {"redacts": target.event_id} if self.identity.rules.redacts_in_content else {}
        return self.send("m.room.redaction", sender, content, **fields)

    def member(self, sender: str, target: str, membership: str) -> EventRow:
        """A membership."""
        return self.state("m.room.member", {"membership": membership}, target, sender)

    def join(self, user_id: str) -> EventRow:
        """The user joins."""
        return self.member(user_id, user_id, "join")

    def leave(self, user_id: str) -> EventRow:
        """The user leaves."""
        return self.member(user_id, user_id, "leave")

    def invite(self, target: str, sender: str | None = None) -> EventRow:
        """The creator, or who is named, invites the user."""
        return self.member(sender or self.creator, target, "invite")
