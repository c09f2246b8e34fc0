"""What an event is to users: whether it notifies them, and how ("Push Rules").

judged = judge(room, event)
outcomes = judged.for_users(user_nids)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from appliance.config import get_config
from matrix_app.protocol.event_auth import PowerLevels
from matrix_app.protocol.events import Event
from matrix_app.protocol.push_rules import (
    NOBODY,
    SILENT,
    Compiled,
    DefaultOutcome,
    EventView,
    Named,
    Outcome,
    PushContext,
    compile_ruleset,
    default_outcome,
    invited_user,
    is_static_for_room,
    mentioned_users,
    named_users,
    outcome_of,
    outcome_under,
)
from matrix_app.protocol.relations import THREAD, relation_of
from matrix_app.services.ignored_users import ignored_in
from matrix_app.services.named_members import names_in
from matrix_app.storage import (
    events,
    interning,
    members,
    rooms,
    state,
    summaries,
    thread_subscriptions,
    unread,
)
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.unread import Personal

_QUIET = ("muted", "mentions-only")


class Judgement(NamedTuple):
    """What an event is to one user; `baseline` is whether it counts for them as for everybody (1 or 0)."""

    outcome: Outcome
    baseline: int


@dataclass(slots=True)
class Judged:
    """An event, looked at once for all who keep the predefined rules."""

    room: RoomIdentity
    event: Event
    view: EventView
    context: PushContext
    default: DefaultOutcome
    mentioned: set[str]
    invited: str | None
    # The local members whom the text names; None where it was not searched for names.
    named: Named | None
    calls_room: bool
    # The context with power levels, once somebody's own rules have asked for it.
    with_levels: PushContext | None = None

    def for_users(self, user_nids: Iterable[int]) -> dict[int, Judgement]:
        """What the event is to each of the local users, by their own rules; nothing to its sender."""
        wanted = list(user_nids)
        personal = unread.personal(wanted) if wanted else {}
        found = {}
        for nid in wanted:
            user_id = interning.user_id_of(nid)
            if user_id != self.view.sender:
                found[nid] = self._for_user(nid, user_id, personal.get(nid))
        return found

    def _for_user(self, nid: int, user_id: str, own: Personal | None) -> Judgement:
        everybody = int(self.default.notify)
        rules = _rules(nid, own.rules) if own is not None and own.rules is not None else None
        stance = "default" if rules is None else is_static_for_room(rules.stored, self.room.room_id)
        baseline = 0 if stance in _QUIET else everybody
        if own is not None and own.ignored is not None and self.view.sender in _ignored(own.ignored):
            return Judgement(SILENT, baseline)
        if rules is not None and stance == "dynamic":
            return Judgement(self._evaluated(user_id, rules.compiled), baseline)
        return Judgement(outcome_under(stance, user_id, self.default, self.mentioned, self.invited), baseline)

    def _evaluated(self, user_id: str, compiled: Compiled) -> Outcome:
        # What was found for all spares each of them the search.
        by_text = self.calls_room or (self.named is not None and user_id in self.named)
        if self.named is not None:
            name = self.named.by_name.get(user_id)
        else:
            name = display_name(self.room, user_id) if compiled.asks_for_name else None
        context = self._context_with_levels() if compiled.asks_for_levels else self.context
        return outcome_of(compiled.actions_for(self.view, context, name, by_text=by_text))

    def _context_with_levels(self) -> PushContext:
        if self.with_levels is None:
            self.with_levels = context_of(self.room, self.event, with_levels=True)
        return self.with_levels


def judge(room: RoomIdentity, event: Event, state_nid: int | None = None) -> Judged:
    """Look at an event; reads only. The room is taken as it is now: `state_nid`, where that is known."""
    view = EventView.of(event)
    context = context_of(room, event)
    by_text = searches_texts() and view.may_name_in_text
    default = default_outcome(view, context, by_text=by_text)
    named = _named(room, view, state_nid) if by_text else None
    return Judged(
        room,
        event,
        view,
        context,
        default,
        mentioned_users(view, _LocalMembers(room.nid))
        if named is None
        else named_users(view, default, named),
        invited_user(view),
        named,
        by_text and _calls_room(event),
    )


def searches_texts() -> bool:
    """Whether there are the predefined rules that look for mentions in texts."""
    return get_config().push.mentions_in_text


def _named(room: RoomIdentity, view: EventView, state_nid: int | None) -> Named | None:
    if state_nid is None:
        state_nid = rooms.state_nid(room.nid)
    text = view.lowered("content.body")
    if state_nid is None or text is None:
        return NOBODY
    names = names_in(room.nid, state_nid)
    return None if names is None else names.named_in(text)


class _LocalMembers:
    """The local users joined to a room, asked for one by one: a mention names few of them."""

    def __init__(self, room_nid: int) -> None:
        self.room_nid = room_nid

    def __contains__(self, user_id: object) -> bool:
        nid = interning.find_user(user_id) if isinstance(user_id, str) else None
        if nid is None:
            return False
        found = members.get(self.room_nid, nid)
        return found is not None and found.is_local and found.membership == members.Membership.JOIN


def context_of(room: RoomIdentity, event: Event, *, with_levels: bool = False) -> PushContext:
    """What push conditions need to know of the room as it is now.

    Power levels are looked up where a predefined rule may ask for them, or else `with_levels`.
    """
    count = summaries.get(room.nid).joined_members
    subscribed = subscribers(event)
    if not (with_levels or asks_for_levels(event)):
        return PushContext(count, subscribers=subscribed)
    keys = interning.find_keys([("m.room.create", ""), ("m.room.power_levels", "")])
    nids = state.current(room.nid, keys.values())
    parsed = events.events_by_nid(nids.values())
    auth = {pair: parsed[nids[key]] for pair, key in keys.items() if key in nids}
    levels = PowerLevels.from_state(auth, room.rules)
    return PushContext(
        count,
        sender_level=levels.user_level(event.sender),
        notification_levels=levels.notifications,
        subscribers=subscribed,
    )


def asks_for_levels(event: Event) -> bool:
    """Whether the power level of an event's sender may matter: it may mention the whole room."""
    return "m.mentions" in event.content or _calls_room(event)


def _calls_room(event: Event) -> bool:
    body = event.content.get("body")
    return isinstance(body, str) and "@room" in body.lower()


def subscribers(event: Event) -> set[str] | None:
    """Who is subscribed to the thread that an event is in; None when it is in none."""
    relation = relation_of(event.content)
    if relation is None or relation.rel_type != THREAD or event.state_key is not None:
        return None
    return thread_subscriptions.subscribers(relation.event_id)


def display_name(room: RoomIdentity, user_id: str) -> str | None:
    """What a member is called in a room; None for who has no name there."""
    key = interning.find_key("m.room.member", user_id)
    nid = None if key is None else state.current(room.nid, [key]).get(key)
    name = None if nid is None else events.events_by_nid([nid])[nid].content.get("displayname")
    return name if isinstance(name, str) else None


class _Rules(NamedTuple):
    stored: dict[str, Any]
    compiled: Compiled


@lru_cache(maxsize=512)
def _rules(user_nid: int, custom: bytes) -> _Rules:
    stored = orjson.loads(custom)
    return _Rules(stored, compile_ruleset(stored, interning.user_id_of(user_nid)))


@lru_cache(maxsize=512)
def _ignored(content: bytes) -> frozenset[str]:
    return ignored_in(content)
