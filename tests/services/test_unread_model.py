"""Unread counts agree with a naive model that looks at every event, whatever happens in which order."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from matrix_app.protocol.push_rules import SILENT, EventView, PushContext, compile_ruleset, outcome_of
from matrix_app.services.push_rules import custom_of
from matrix_app.services.read_marks import sweep
from matrix_app.storage import events, rooms, unread_counts
from matrix_app.storage.unread_counts import RoomCounts
from tests.factories.client import Client, ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)

_MAIN = "main"
_NOBODY = compile_ruleset({}, "@nobody:nowhere")


@dataclass
class Sent:
    """An event, its timeline, and whom it notified under the rules of then: (notified, highlighted)."""

    event_id: str
    timeline: str
    effects: dict[str, tuple[bool, bool]]
    redacted: bool = False
    refers: bool = False


@dataclass
class Reader:
    """A user: how many events they have read, of each timeline, or (None) of the room."""

    client: Client
    name: str
    joined: bool = True
    read: dict[str | None, int] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)


class Naive:
    """A room, the same in the server and in the model."""

    def __init__(self, clients: ClientFactory, chance: random.Random) -> None:
        self.chance = chance
        self.owner, *others = clients.many(4)
        self.names = ["Anna", "Ben", "Clara", "Dan"]
        for client, name in zip((self.owner, *others), self.names, strict=True):
            path = f"/profile/{client.user_id}/displayname"
            assert client.put(path, {"displayname": name}).status == 200
        self.room_id = self.owner.create_room(preset="public_chat")
        self.readers = [
            Reader(client, name) for client, name in zip((self.owner, *others), self.names, strict=True)
        ]
        for client in others:
            assert client.change(self.room_id, "join").status == 200
        self.sent: list[Sent] = []
        self.serial = 0
        room = rooms.find(self.room_id)
        assert room is not None
        self.room = room

    def step(self) -> None:
        """Something happens."""
        acts: list[tuple[Callable[[], None], int]] = [
            (self.send, 10),
            (self.refer, 2),
            (self.read, 5),
            (self.redact, 3),
            (self.change_rules, 2),
            (self.ignore, 1),
            (self.come_or_go, 1),
            (self.rename, 3),
            (self.tidy, 1),
        ]
        self.chance.choices([act for act, _ in acts], [weight for _, weight in acts])[0]()

    def send(self) -> None:
        """A message: plain, quiet, with a mention of one or of all, or with a word; perhaps in a thread."""
        sender = self.chance.choice([reader for reader in self.readers if reader.joined])
        content: dict[str, Any] = {
            "msgtype": self.chance.choice(["m.text", "m.text", "m.notice"]),
            "body": self.chance.choice(
                ["hello", "good cake", "@room, hello", self.greeting(), self.greeting()]
            ),
        }
        match self.chance.randrange(6):
            case 0:
                content["m.mentions"] = {"user_ids": [self.chance.choice(self.readers).client.user_id]}
            case 1:
                content["m.mentions"] = {"room": True}
            case 2:
                content["m.mentions"] = {}
        roots = [
            event
            for event in self.sent
            if event.timeline == _MAIN and not event.redacted and not event.refers
        ][:3]
        timeline = _MAIN
        if roots and self.chance.random() < 0.4:
            timeline = self.chance.choice(roots).event_id
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": timeline}
        self.serial += 1
        path = f"/rooms/{self.room_id}/send/m.room.message/s{self.serial}"
        event_id = sender.client.put(path, content).body["event_id"]
        self.note(sender, event_id, timeline)

    def greeting(self) -> str:
        """A text that names somebody."""
        reader = self.chance.choice(self.readers)
        return f"hello {self.chance.choice([reader.name, reader.client.user_id])}, and good cake"

    def refer(self) -> None:
        """An event that no predefined rule notifies of; it belongs where the event is that it refers to."""
        target = self.chance.choice(self.sent) if self.sent else None
        if target is None or target.redacted or target.refers:
            return
        sender = self.chance.choice([reader for reader in self.readers if reader.joined])
        self.serial += 1
        path = f"/rooms/{self.room_id}/send/org.example.note/n{self.serial}"
        relation = {"rel_type": "m.reference", "event_id": target.event_id}
        event_id = sender.client.put(path, {"m.relates_to": relation}).body["event_id"]
        self.note(sender, event_id, target.timeline)
        self.sent[-1].refers = True

    def note(self, sender: Reader, event_id: str, timeline: str) -> None:
        """Work out, user by user and rule by rule, what the event is to each."""
        row = events.row_by_id(event_id)
        assert row is not None
        view = EventView.of(events.parse(row))
        level = 100 if sender.client is self.owner else 0
        joined = [reader for reader in self.readers if reader.joined]
        context = PushContext(len(joined), sender_level=level, notification_levels={"room": 50})
        effects = {}
        for reader in joined:
            requester = reader.client.requester
            rules = compile_ruleset(custom_of(requester.user_nid), requester.user_id)
            outcome = outcome_of(rules.actions_for(view, context, reader.name))
            if sender.client.user_id in reader.ignored:
                outcome = SILENT
            effects[requester.user_id] = (outcome.notify, outcome.highlight)
        self.sent.append(Sent(event_id, timeline, effects))
        if outcome_of(_NOBODY.actions_for(view, context)).notify:
            sender.read[timeline] = len(self.sent)

    def read(self) -> None:
        """A receipt of any kind, for one timeline or for all; it does not go back."""
        reader = self.chance.choice([reader for reader in self.readers if reader.joined])
        if not self.sent:
            return
        place = self.chance.randrange(len(self.sent))
        event = self.sent[place]
        timeline = self.chance.choice([None, event.timeline])
        if event.refers and event.redacted:
            timeline = None  # nobody can tell any more to what it belonged
        body = {} if timeline is None else {"thread_id": timeline}
        kind = self.chance.choice(["m.read", "m.read.private"])
        path = f"/rooms/{self.room_id}/receipt/{kind}/{event.event_id}"
        assert reader.client.post(path, body).status == 200
        reader.read[timeline] = max(reader.read.get(timeline, 0), place + 1)

    def redact(self) -> None:
        """An event loses its content."""
        if self.sent:
            event = self.chance.choice(self.sent)
            self.serial += 1
            path = f"/rooms/{self.room_id}/redact/{event.event_id}/r{self.serial}"
            answer = self.owner.put(path, {})
            event.redacted = True
            # It is an event like others: rules of one's own may let it notify.
            self.note(self.readers[0], answer.body["event_id"], _MAIN)

    def change_rules(self) -> None:
        """A rule is made, or ends: for the room, for a word, or for everything."""
        client = self.chance.choice(self.readers).client
        here = {"kind": "event_match", "key": "room_id", "pattern": self.room_id}
        rule, body = self.chance.choice(
            [
                (f"room/{self.room_id}", {"actions": []}),
                (f"room/{self.room_id}", {"actions": ["notify"]}),
                ("override/quiet", {"actions": [], "conditions": [here]}),
                ("override/name", {"actions": ["notify"], "conditions": [{"kind": "contains_display_name"}]}),
                ("content/cake", {"actions": ["notify", {"set_tweak": "highlight"}], "pattern": "cake"}),
                ("override/.m.rule.master/enabled", {"enabled": self.chance.random() < 0.5}),
                ("override/.m.rule.contains_display_name/actions", {"actions": ["notify"]}),
                ("override/.m.rule.roomnotif/enabled", {"enabled": self.chance.random() < 0.5}),
                ("content/.m.rule.contains_user_name/enabled", {"enabled": self.chance.random() < 0.5}),
            ]
        )
        path = f"/pushrules/global/{rule}"
        if ".m.rule." not in rule and self.chance.random() < 0.5:
            assert client.delete(path).status in (200, 404)
        else:
            assert client.put(path, body).status == 200

    def ignore(self) -> None:
        """A user ignores others from now on, or nobody."""
        reader = self.chance.choice(self.readers)
        others = [other.client.user_id for other in self.readers if other is not reader]
        reader.ignored = set(self.chance.sample(others, self.chance.randrange(3)))
        content: dict[str, Any] = {"ignored_users": {user_id: {} for user_id in reader.ignored}}
        path = f"/user/{reader.client.user_id}/account_data/m.ignored_user_list"
        assert reader.client.put(path, content).status == 200

    def come_or_go(self) -> None:
        """A user leaves, or comes back and has missed nothing."""
        reader = self.chance.choice(self.readers[1:])
        assert reader.client.change(self.room_id, "leave" if reader.joined else "join").status == 200
        reader.joined = not reader.joined
        if reader.joined:
            reader.read[None] = len(self.sent)
            reader.name = self.names[self.readers.index(reader)]

    def rename(self) -> None:
        """A user is called something else in the room, or nothing."""
        reader = self.chance.choice([reader for reader in self.readers if reader.joined])
        reader.name = self.chance.choice([*self.names, "Élie (away)", "李", "!!", ""])
        content = {"membership": "join", "displayname": reader.name}
        answer = reader.client.set_state(self.room_id, "m.room.member", content, reader.client.user_id)
        assert answer.status == 200

    def tidy(self) -> None:
        """What nobody needs any more goes."""
        sweep()

    def expected(self, reader: Reader) -> RoomCounts:
        """What is unread, found by looking at every event."""
        found: dict[str, list[int]] = {}
        for place, event in enumerate(self.sent):
            read = max(reader.read.get(None, 0), reader.read.get(event.timeline, 0))
            notify, highlight = event.effects.get(reader.client.user_id, (False, False))
            if place >= read and notify and not event.redacted:
                pair = found.setdefault(event.timeline, [0, 0])
                pair[0], pair[1] = pair[0] + 1, pair[1] + highlight
        main = found.pop(_MAIN, [0, 0])
        return RoomCounts(main[0], main[1], {root: (pair[0], pair[1]) for root, pair in found.items()})

    def counted(self, reader: Reader) -> RoomCounts:
        """What the server says is unread."""
        return unread_counts.counts(reader.client.requester.user_nid, [self.room.nid])[self.room.nid]


@pytest.mark.parametrize("seed", range(8))
def test_the_counts_are_those_of_a_naive_model(clients: ClientFactory, seed: int) -> None:
    model = Naive(clients, random.Random(seed))
    for number in range(80):
        model.step()
        for reader in model.readers:
            if reader.joined:
                assert model.counted(reader) == model.expected(reader), (number, reader.client.user_id)
