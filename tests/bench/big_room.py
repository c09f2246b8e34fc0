"""A room of many members and much state on several made-up servers, each event signed by its sender's."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from matrix_app.protocol.event_format import create_event
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.protocol.signing import SigningKey

BEGAN_TS: Final = 1_700_000_000_000


def key_of(server: str) -> SigningKey:
    """The key of a made-up server."""
    return SigningKey("bench", sha256(server.encode()).digest())


class BigRoom:
    """`state` entries of a room, of which `members` are joins; all of it is written to a folder."""

    def __init__(
        self, folder: Path, servers: list[str], *, members: int, state: int, version: str = "11"
    ) -> None:
        self.rules = ROOM_VERSIONS[version]
        self.servers = servers
        self.creator = f"@creator:{servers[0]}"
        self.room_id: str | None = None if self.rules.room_id_is_create_hash else f"!big:{servers[0]}"
        self.last: Event | None = None
        self._keys = {server: key_of(server) for server in servers}
        self.state_file, self.chain_file = folder / "state.json", folder / "chain.json"
        self.auth: list[Event] = []
        with self.state_file.open("wb") as all_of_it, self.chain_file.open("wb") as chain:
            for number, event in enumerate(self._events(members, state)):
                text = (b"," if number else b"") + orjson.dumps(event.pdu)
                all_of_it.write(text)
                # The members send the rest of the state: it rests on their joins.
                if number < 3 + members:
                    chain.write(text)

    def _make(self, sender: str, type: str, content: dict[str, Any], auth: list[Event], key: str) -> Event:
        server = sender.partition(":")[2]
        depth = 1 if self.last is None else self.last.depth + 1
        event = self.last = create_event(
            rules=self.rules,
            key=self._keys[server],
            server_name=server,
            room_id=self.room_id,
            sender=sender,
            type=type,
            content=content,
            prev_events=[] if self.last is None else [self.last],
            auth_events=auth,
            depth=depth,
            origin_server_ts=BEGAN_TS + depth * 1000,
            state_key=key,
        )
        return event

    def _events(self, members: int, state: int) -> Iterator[Event]:
        create = self._make(self.creator, "m.room.create", {"room_version": self.rules.identifier}, [], "")
        self.room_id = create.room_id
        first = [] if self.rules.room_id_is_create_hash else [create]
        creator = self._make(self.creator, "m.room.member", {"membership": "join"}, [*first], self.creator)
        users = {} if self.rules.privileged_creators else {self.creator: 100}
        levels = self._make(
            self.creator, "m.room.power_levels", {"users": users, "state_default": 0}, [*first, creator], ""
        )
        rule = self._make(
            self.creator, "m.room.join_rules", {"join_rule": "public"}, [*first, creator, levels], ""
        )
        self.auth = [*first, levels, rule]
        yield from (create, creator, levels, rule)
        joins = []
        for number in range(members - 1):
            joins.append(self._join(number))
            yield joins[-1]
        for number in range(state - members - 3):
            join = joins[number % len(joins)]
            content = {"note": "What a member keeps in the state of a room. " * 3, "number": number}
            yield self._make(
                join.sender, "org.example.note", content, [*first, levels, join], f"{number} of {join.sender}"
            )

    def _join(self, number: int) -> Event:
        server = self.servers[number % len(self.servers)]
        user = f"@user{number}:{server}"
        content = {
            "membership": "join",
            "displayname": f"Member number {number}",
            "avatar_url": f"mxc://{server}/{sha256(user.encode()).hexdigest()[:24]}",
        }
        return self._make(user, "m.room.member", content, self.auth, user)

    def template(self, user_id: str) -> dict[str, Any]:
        """What `make_join` proposes to a user."""
        assert self.last is not None
        return {
            "room_version": self.rules.identifier,
            "event": {
                "type": "m.room.member",
                "room_id": self.room_id,
                "sender": user_id,
                "state_key": user_id,
                "content": {"membership": "join"},
                "auth_events": [event.event_id for event in self.auth],
                "prev_events": [self.last.event_id],
                "depth": self.last.depth + 1,
                "origin_server_ts": BEGAN_TS,
            },
        }
