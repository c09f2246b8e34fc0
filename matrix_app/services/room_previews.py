"""What is shown of rooms to those who are not in them, and to whom: summaries, hierarchies, directories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from matrix_app.http.requester import Requester
from matrix_app.storage import current_entries, events, members, rooms, summaries
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.summaries import SummaryRow

_RESTRICTED: Final = ("restricted", "knock_restricted")


@dataclass(frozen=True, slots=True)
class RoomPreview:
    """A room whose present state this server knows, and where a user stands in it."""

    room: RoomIdentity
    summary: SummaryRow
    allowed: list[str] = field(default_factory=list)
    member: MemberRow | None = None
    meets_condition: bool = False

    @property
    def is_open(self) -> bool:
        """Whether anybody may read the room, or join it, or ask to."""
        rules, join_rule = self.room.rules, self.summary.join_rule
        return (
            self.summary.history_visibility == "world_readable"
            or join_rule == "public"
            or (join_rule == "knock" and rules.knock)
            or (join_rule == "knock_restricted" and rules.knock_restricted_join)
        )

    @property
    def is_accessible(self) -> bool:
        """Whether the user may know of the room: it is open, or they are in it or may join it."""
        if self.is_open or self.meets_condition:
            return True
        return self.member is not None and self.member.membership in (Membership.JOIN, Membership.INVITE)

    @property
    def is_barred(self) -> bool:
        """Whether the user is banned, so that they may not join, from a room that not everybody may read."""
        banned = self.member is not None and self.member.membership == Membership.BAN
        return banned and self.summary.history_visibility != "world_readable"

    @property
    def membership(self) -> str:
        """The user's membership."""
        return Membership(self.member.membership).word if self.member else "leave"

    def body(self) -> dict[str, Any]:
        """The room as `RoomSummary`."""
        body = public_chunk(self.room.room_id, self.summary) | {"room_version": self.room.rules.identifier}
        if self.summary.encryption is not None:
            body["encryption"] = self.summary.encryption
        if self.summary.join_rule in _RESTRICTED:
            body["allowed_room_ids"] = self.allowed
        return body


def public_chunk(room_id: str, summary: SummaryRow) -> dict[str, Any]:
    """The room as `PublishedRoomsChunk`."""
    optional = {
        "name": summary.name,
        "topic": summary.topic,
        "canonical_alias": summary.canonical_alias,
        "avatar_url": summary.avatar_url,
        "room_type": summary.room_type,
    }
    return {
        "room_id": room_id,
        "num_joined_members": summary.joined_members,
        "world_readable": summary.history_visibility == "world_readable",
        "guest_can_join": summary.guest_access == "can_join",
        "join_rule": summary.join_rule,
        **{key: value for key, value in optional.items() if value is not None},
    }


def previews(room_ids: Iterable[str], reader: Requester | None) -> dict[str, RoomPreview]:
    """By room ID: those rooms whose present state this server knows.

    The number of statements does not depend on that of the rooms.
    """
    known = rooms.find_many(room_ids)
    found = summaries.get_many(room.nid for room in known.values())
    here = {room.nid: room for room in known.values() if room.nid in found and _is_known(found[room.nid])}
    restricted = [nid for nid in here if found[nid].join_rule in _RESTRICTED]
    allowed = _allowed(restricted)
    memberships = members.in_rooms(reader.user_nid, here) if reader is not None else {}
    joined = _joined_among({room_id for ids in allowed.values() for room_id in ids}, reader)
    return {
        room.room_id: RoomPreview(
            room,
            found[nid],
            allowed.get(nid, []),
            memberships.get(nid),
            _applies(room, found[nid]) and not joined.isdisjoint(allowed.get(nid, [])),
        )
        for nid, room in here.items()
    }


def _is_known(summary: SummaryRow) -> bool:
    # Where only users of other servers are left, the state moves on without this server.
    return summary.local_joined_members > 0 or summary.joined_members == 0


def _applies(room: RoomIdentity, summary: SummaryRow) -> bool:
    if summary.join_rule == "knock_restricted":
        return room.rules.knock_restricted_join
    return room.rules.restricted_join


def _allowed(room_nids: list[int]) -> dict[int, list[str]]:
    """By room: the rooms whose members the join rules let in."""
    if not room_nids:
        return {}
    rows = current_entries.of_rooms("m.room.join_rules", room_nids)
    return {nid: _rooms_in(events.parse(row).content.get("allow")) for nid, row in rows.items()}


def _rooms_in(conditions: Any) -> list[str]:
    named = []
    for condition in conditions if isinstance(conditions, list) else ():
        match condition:
            case {"type": "m.room_membership", "room_id": str(room_id)}:
                named.append(room_id)
    return named


def _joined_among(room_ids: set[str], reader: Requester | None) -> set[str]:
    if reader is None or not room_ids:
        return set()
    known = rooms.find_many(room_ids)
    rows = members.in_rooms(reader.user_nid, (room.nid for room in known.values()))
    return {
        room.room_id
        for room in known.values()
        if room.nid in rows and rows[room.nid].membership == Membership.JOIN
    }
