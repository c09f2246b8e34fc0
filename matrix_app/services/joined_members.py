"""The joined members of a room with the names that they go by there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden
from matrix_app.services.appservices import appservices
from matrix_app.services.known_rooms import require_room
from matrix_app.storage import history, members
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import Membership


class _Names(msgspec.Struct):
    displayname: Any = None
    avatar_url: Any = None


class _MemberEvent(msgspec.Struct):
    content: _Names


_DECODER: Final = msgspec.json.Decoder(_MemberEvent)


def joined_members(room_id: str, reader: Requester) -> dict[str, dict[str, str | None]]:
    """By user ID: `display_name` and `avatar_url`, null where there is none, as clients are used to.

    Raises `Forbidden` for who is not joined; for an application service, one of its users has to be.
    """
    room = require_room(room_id)
    member = members.get(room.nid, reader.user_nid)
    is_joined = member is not None and member.membership == Membership.JOIN
    if not is_joined and reader.appservice_id is None:
        raise Forbidden("You are not in this room")
    found = history.joined_member_events(room.nid)
    if not is_joined and not _has_user_of(reader.appservice_id, (user_id for user_id, _ in found)):
        raise Forbidden("None of your users is in this room")
    return {user_id: _names(stored) for user_id, stored in found}


def _has_user_of(appservice_id: str | None, user_ids: Iterable[str]) -> bool:
    service = next((service for service in appservices() if service.id == appservice_id), None)
    local = local_server_name()
    return service is not None and any(service.may_act_as(user_id, local) for user_id in user_ids)


def _names(stored: bytes) -> dict[str, str | None]:
    content = _DECODER.decode(stored).content
    names = {"display_name": content.displayname, "avatar_url": content.avatar_url}
    return {key: value if isinstance(value, str) else None for key, value in names.items()}
