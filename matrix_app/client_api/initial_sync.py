"""Everything at once, as old clients ask for it, and as previews of rooms begin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from matrix_app.client_api.reading import json_list, one_event, page_limit, state_json, timeline_json
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.tokens import StreamToken
from matrix_app.services import initial_sync
from matrix_app.services.initial_sync import RoomInfo
from matrix_app.services.push_rules import PUSH_RULES, ruleset_of
from matrix_app.services.room_access import access_room
from matrix_app.storage import interning, members, rooms, stream
from matrix_app.storage.account_data import AccountDataRow
from matrix_app.storage.events import EventRow


@endpoint("GET", "/_matrix/client/v3/rooms/{room_id}/initialSync", guests=True)
def get_room_initial_sync(request: Request) -> dict[str, Any]:
    """A room with its state and its latest events (GET /rooms/{roomId}/initialSync)."""
    access = access_room(request.path["room_id"], request.requester)
    info = initial_sync.room_info(access, limit=page_limit(request))
    users = members.in_room(access.room.nid, [members.Membership.JOIN]) if access.is_joined else []
    return {
        **_room(request, info),
        "presence": initial_sync.presence_events(member.user_nid for member in users),
        "receipts": initial_sync.receipt_events([access.room.nid], request.requester),
    }


@endpoint("GET", "/_matrix/client/v3/initialSync", rate="sync")
def get_initial_sync(request: Request) -> dict[str, Any]:
    """Every room of a user (GET /initialSync, deprecated)."""
    reader = request.requester
    position = StreamToken(stream.current_position())
    archived, limit = request.query_bool("archived"), page_limit(request)
    infos = initial_sync.own_rooms(reader, archived=archived, limit=limit)
    users = {*members.sharing_rooms(reader.user_nid), reader.user_nid}
    return {
        "end": str(position),
        "rooms": [*(_room(request, info) for info in infos), *_invites(request)],
        "presence": initial_sync.presence_events(users),
        "receipts": initial_sync.receipt_events([info.access.room.nid for info in infos], reader),
        "account_data": _account_data(request, initial_sync.global_account_data(reader)),
    }


def _room(request: Request, info: RoomInfo) -> dict[str, Any]:
    body = {
        "room_id": info.access.room.room_id,
        "messages": {
            "chunk": json_list(_with_user_id(info.recent, timeline_json(request, info.recent))),
            "start": str(info.start),
            "end": str(info.end),
        },
        "state": json_list(_with_user_id(info.state, state_json(request, info.state))),
        "visibility": "public" if info.is_published else "private",
        "account_data": _account_data(request, info.account_data),
    }
    if info.access.member is not None:
        body["membership"] = info.access.membership
    return body


def _with_user_id(rows: Sequence[EventRow], written: Sequence[bytes]) -> Iterator[bytes]:
    """The events with the name that `sender` had when these endpoints were new."""
    senders = interning.user_ids({row.sender_nid for row in rows})
    for row, event in zip(rows, written, strict=True):
        yield b'%b,"user_id":%b}' % (event[:-1], orjson.dumps(senders[row.sender_nid]))


def _invites(request: Request) -> list[dict[str, Any]]:
    return [
        {
            "room_id": rooms.by_nid(member.room_nid).room_id,
            "membership": "invite",
            "inviter": interning.user_id_of(member.sender_nid),
            "invite": one_event(request, row),
        }
        for member, row in initial_sync.invites(request.requester)
    ]


def _account_data(request: Request, entries: Iterable[AccountDataRow]) -> list[dict[str, Any]]:
    """Push rules are kept as what differs from the predefined ones, and shown whole."""
    return [
        {
            "type": entry.type,
            "content": ruleset_of(request.requester.user_nid)
            if entry.room_nid == 0 and entry.type == PUSH_RULES
            else orjson.Fragment(entry.content),
        }
        for entry in entries
    ]
