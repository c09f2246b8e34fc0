"""One answer of /sync, from what changed between two positions of the stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from orjson import Fragment

from matrix_app.protocol.tokens import StreamToken
from matrix_app.storage import account_data, device_messages
from matrix_app.storage.account_data import AccountDataRow
from matrix_app.storage.device_messages import Message
from matrix_app.storage.members import Membership
from matrix_app.storage.stream import Kind
from matrix_app.sync.v2 import away, joined, state_section, user_sections
from matrix_app.sync.v2.movements import find_movements
from matrix_app.sync.v2.render import Renderer
from matrix_app.sync.v2.request import SyncRequest
from matrix_app.sync.v2.scope import Scope, find_scope

MOST_MESSAGES = 100


class Answer:
    """The body of an answer, and whether it tells anything."""

    __slots__ = ("body", "empty")

    def __init__(self, body: bytes, empty: bool) -> None:
        self.body = body
        self.empty = empty


def compute(request: SyncRequest) -> Answer:
    """Compute what a client gets for `request`."""
    scope = find_scope(request)
    messages = _messages(request, scope)
    if len(messages) == MOST_MESSAGES:
        # The rest comes with the next sync: this one ends where its messages end.
        request = _cut(request, messages[-1].position)
    personal = _personal(request, scope)
    body: dict[str, Any] = _rooms(request, scope, personal)
    global_data = user_sections.global_account_data(request, personal)
    if global_data:
        body["account_data"] = {"events": global_data}
    moved = find_movements(request, scope)
    shown_presence = user_sections.presence_events(request, scope, moved)
    if shown_presence:
        body["presence"] = {"events": shown_presence}
    if messages:
        body["to_device"] = {"events": [Fragment(message.content) for message in messages]}
    lists = user_sections.device_lists(request, scope, moved)
    if lists:
        body["device_lists"] = lists
    empty = not body and Kind.ONE_TIME_KEYS not in scope.device_kinds
    body["next_batch"] = str(StreamToken(request.upto))
    body.update(user_sections.key_counts(request))
    return Answer(orjson.dumps(body), empty)


def nothing_new(request: SyncRequest) -> Answer:
    """The answer when the hub knows that nothing has changed; asks nothing of the database."""
    body = {"next_batch": str(StreamToken(request.upto)), **user_sections.key_counts(request)}
    return Answer(orjson.dumps(body), empty=True)


def _cut(request: SyncRequest, upto: int) -> SyncRequest:
    return replace(request, upto=upto)


def _messages(request: SyncRequest, scope: Scope) -> list[Message]:
    device_nid = request.requester.device_nid
    if device_nid is None or Kind.TO_DEVICE not in scope.device_kinds:
        return []
    return device_messages.after(device_nid, request.after, request.upto, MOST_MESSAGES)


def _personal(request: SyncRequest, scope: Scope) -> Sequence[AccountDataRow]:
    kinds = {Kind.ACCOUNT_DATA, Kind.ROOM_ACCOUNT_DATA, Kind.PUSH_RULES}
    if request.since is not None and not kinds.intersection(scope.user_kinds):
        return []
    after = 0 if request.full_state else request.after
    return account_data.changed(request.user_nid, after, request.upto)


def _rooms(request: SyncRequest, scope: Scope, personal: Sequence[AccountDataRow]) -> dict[str, Any]:
    gathered = joined.gather(request, scope, personal)
    left = away.gather_left(request, scope)
    nids = [nid for room in gathered for nid in room.state_nids]
    nids += [nid for room in left for nid in room.state_nids]
    state_rows = state_section.load_rows(request, nids)
    gathered = [room for room in gathered if room.whole or not room.empty_with(state_rows)]
    renderer = Renderer(request)
    timelines = [room.timeline for room in gathered] + [room.timeline for room in left]
    renderer.add(timelines, state_rows)
    sections = {
        "join": joined.render(request, gathered, renderer, state_rows),
        "invite": away.pending(request, scope, Membership.INVITE),
        "knock": away.pending(request, scope, Membership.KNOCK),
        "leave": away.render_left(request, left, renderer, state_rows),
    }
    sections = {name: section for name, section in sections.items() if section}
    return {"rooms": sections} if sections else {}
