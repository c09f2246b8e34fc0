"""Events and rooms for tests of the protocol: unsigned, with synthetic IDs, valid otherwise."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from matrix_app.protocol.event_auth import auth_types_for_event, check_event
from matrix_app.protocol.events import Event, type_and_key
from matrix_app.protocol.room_versions import ROOM_VERSIONS, RoomVersion

ALICE = "@alice:a.example"
BOB = "@bob:b.example"
CAROL = "@carol:c.example"
DAVE = "@dave:a.example"

_serial = itertools.count(1)


def domain_of(user_id: str) -> str:
    """The server name of a user ID."""
    return user_id.partition(":")[2]


def make_event_id(rules: RoomVersion, sender: str) -> str:
    """A new synthetic event ID in the version's format; later ones sort behind earlier ones."""
    number = next(_serial)
    if rules.event_id_format == "domain":
        return f"${number:08d}:{domain_of(sender)}"
    return f"$E{number:042d}"


def make_event(
    rules: RoomVersion,
    *,
    type: str,
    sender: str = ALICE,
    content: dict[str, Any] | None = None,
    state_key: str | None = None,
    room_id: str | None = "!room:a.example",
    event_id: str | None = None,
    prev_events: Iterable[Event] = (),
    auth_events: Iterable[Event] = (),
    depth: int = 1,
    origin_server_ts: int | None = None,
    redacts: str | None = None,
    rejected: bool = False,
) -> Event:
    """An unsigned event. It need not be valid; `room_id=None` leaves the field out."""
    event_id = event_id or make_event_id(rules, sender)
    if origin_server_ts is None:
        origin_server_ts = 1_700_000_000_000 + next(_serial)
    pdu: dict[str, Any] = {
        "type": type,
        "sender": sender,
        "content": dict(content or {}),
        "depth": depth,
        "origin_server_ts": 1_700_000_000_000 + next(_serial)
        if origin_server_ts is None
        else origin_server_ts,
        "prev_events": [_reference(rules, event.event_id) for event in prev_events],
        "auth_events": [_reference(rules, event.event_id) for event in auth_events],
    }
    if rules.event_id_format == "domain":
        pdu["event_id"] = event_id
    if state_key is not None:
        pdu["state_key"] = state_key
    if room_id is not None:
        pdu["room_id"] = room_id
    if redacts is not None:
        target = pdu["content"] if rules.redacts_in_content else pdu
        target["redacts"] = redacts
    return Event(pdu, event_id, rules, rejected)


def _reference(rules: RoomVersion, event_id: str) -> Any:
    return [event_id, {"sha256": "hash"}] if rules.event_id_format == "domain" else event_id


class RoomBuilder:
    """A room that grows by events which its rules allow.

    `state` is the state after the last event, `heads` are the events the next one follows, and
    `events` is all that was sent. The constructor sends the create event only; `RoomBuilder.opened`
    gives a room that can be used. `fork()` gives an independent room with the same past, to let the
    state diverge; set `heads` to the events of several forks (and `state`) to merge them.
    """

    def __init__(
        self,
        version: str = "12",
        *,
        creator: str = ALICE,
        create_content: dict[str, Any] | None = None,
    ) -> None:
        self.rules = ROOM_VERSIONS[version]
        self.creator = creator
        self.state: dict[type_and_key, Event] = {}
        self.heads: list[Event] = []
        self.events: list[Event] = []
        self.room_id: str | None = None
        if not self.rules.room_id_is_create_hash:
            self.room_id = f"!room{next(_serial)}:{domain_of(creator)}"
        content: dict[str, Any] = {"room_version": version}
        if not self.rules.implicit_room_creator:
            content["creator"] = creator
        create = self.send("m.room.create", creator, content | (create_content or {}), state_key="")
        self.room_id = create.room_id

    @classmethod
    def opened(
        cls,
        version: str = "12",
        *,
        creator: str = ALICE,
        join_rule: str = "public",
        power_levels: dict[str, Any] | None = None,
        create_content: dict[str, Any] | None = None,
    ) -> RoomBuilder:
        """A room with its creator in it, power levels (the creator has 100 or more) and join rules."""
        room = cls(version, creator=creator, create_content=create_content)
        room.join(creator)
        users = {} if room.rules.privileged_creators else {creator: 100}
        levels = deepcopy(power_levels or {})
        levels["users"] = users | levels.get("users", {})
        room.set_power_levels(levels)
        room.set_join_rule(join_rule)
        return room

    def make(self, type: str, sender: str, content: dict[str, Any] | None = None, **fields: Any) -> Event:
        """The next event, with the auth events its content selects; it is neither checked nor sent.

        `fields` are those of `make_event` and stand above what the room would choose.
        """
        content = content or {}
        selected = auth_types_for_event(
            self.rules, type=type, sender=sender, state_key=fields.get("state_key"), content=content
        )
        chosen: dict[str, Any] = {
            "room_id": self.room_id,
            "prev_events": self.heads,
            "auth_events": [self.state[key] for key in selected if key in self.state],
            "depth": 1 + max((event.depth for event in self.heads), default=0),
        }
        return make_event(self.rules, type=type, sender=sender, content=content, **(chosen | fields))

    def send(self, type: str, sender: str, content: dict[str, Any] | None = None, **fields: Any) -> Event:
        """Make the next event, check it (`AuthorizationFailed` if the rules refuse it) and apply it."""
        event = self.make(type, sender, content, **fields)
        check_event(event, self.state)
        self.apply(event)
        return event

    def apply(self, event: Event) -> None:
        """Append an event without a check."""
        self.events.append(event)
        self.heads = [event]
        if event.state_key is not None:
            self.state[event.type, event.state_key] = event

    def fork(self) -> RoomBuilder:
        """An independent room with the same past."""
        other = RoomBuilder.__new__(RoomBuilder)
        other.__dict__.update(self.__dict__)
        other.state = dict(self.state)
        other.heads = list(self.heads)
        other.events = list(self.events)
        return other

    def message(self, sender: str, body: str = "hello") -> Event:
        """A text message."""
        return self.send("m.room.message", sender, {"msgtype": "m.text", "body": body})

    def member(self, sender: str, target: str, membership: str, **content: Any) -> Event:
        """A membership event of `target`, sent by `sender`."""
        return self.send("m.room.member", sender, {"membership": membership, **content}, state_key=target)

    def join(self, user_id: str, **content: Any) -> Event:
        """The user joins."""
        return self.member(user_id, user_id, "join", **content)

    def leave(self, user_id: str) -> Event:
        """The user leaves, or turns an invite down."""
        return self.member(user_id, user_id, "leave")

    def knock(self, user_id: str) -> Event:
        """The user knocks."""
        return self.member(user_id, user_id, "knock")

    def invite(self, sender: str, target: str) -> Event:
        """`sender` invites `target`."""
        return self.member(sender, target, "invite")

    def kick(self, sender: str, target: str) -> Event:
        """`sender` removes `target`, or lifts a ban."""
        return self.member(sender, target, "leave")

    def ban(self, sender: str, target: str) -> Event:
        """`sender` bans `target`."""
        return self.member(sender, target, "ban")

    def set_power_levels(self, content: dict[str, Any], sender: str | None = None) -> Event:
        """Replace the power levels; `sender` is the creator by default."""
        return self.send("m.room.power_levels", sender or self.creator, content, state_key="")

    def set_join_rule(self, join_rule: str, sender: str | None = None, **content: Any) -> Event:
        """Replace the join rule; `sender` is the creator by default."""
        return self.send(
            "m.room.join_rules", sender or self.creator, {"join_rule": join_rule, **content}, state_key=""
        )
