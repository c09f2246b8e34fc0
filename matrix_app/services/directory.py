"""The published room directory ("Published room directory" of the client-server API)."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from appliance.config import get_config
from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden, InvalidParam, NotFound
from matrix_app.protocol.ids import parse_server_name
from matrix_app.services import remote_directory
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.canonical_alias import may_change
from matrix_app.services.room_previews import public_chunk
from matrix_app.services.room_writer import read_room
from matrix_app.storage import db, directory, rooms
from matrix_app.storage.directory import Place, Query
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.summaries import SummaryRow

MOST_ROOMS = 500
_TOKEN: Final = re.compile(r"([np])([0-9]{1,18})_([0-9]{1,18})")


class PageOf(NamedTuple):
    """Which page of the directory is asked for; `since` is a token of another page."""

    limit: int | None = None
    since: str | None = None


def is_published(room_id: str) -> bool:
    """Whether a room is in the directory; raises `NotFound` for one that is not known."""
    return directory.is_published(_require(room_id).nid)


def set_published(requester: Requester, room_id: str, published: bool) -> None:
    """List a room in the directory, or no longer, as those may who may say what its aliases are."""
    refuse_suspended(requester)
    room = _require(room_id)
    if published and not get_config().rooms.publication:
        raise Forbidden("Rooms cannot be published in the directory of this server")
    reader = read_room(room)
    able = reader.membership(requester.user_id) == "join" and may_change(reader, requester.user_id)
    if not able and not requester.is_admin:
        raise Forbidden("You may not publish this room")
    with db.write():
        directory.set_published(room.nid, published)


def set_in_network(requester: Requester, network_id: str, room_id: str, listed: bool) -> None:
    """List a room in a network of the application service that asks, or no longer."""
    if requester.appservice_id is None:
        raise Forbidden("Only application services have networks")
    with db.write():
        directory.set_in_network(requester.appservice_id, network_id, _require(room_id).nid, listed)


def _require(room_id: str) -> RoomIdentity:
    room = rooms.find(room_id)
    if room is None:
        raise NotFound("The room is not known")
    return room


def published_rooms(query: Query, page: PageOf) -> dict[str, Any]:
    """A page of the directory as `GET /publicRooms` answers it, rooms with the most members first."""
    backwards, start = _start_of(page.since)
    limit = MOST_ROOMS if page.limit is None else max(1, min(page.limit, MOST_ROOMS))
    found = directory.page(query, start=start, backwards=backwards, limit=limit + 1)
    more, found = len(found) > limit, found[:limit]
    if backwards:
        found.reverse()
    answer: dict[str, Any] = {
        "chunk": [public_chunk(room_id, summary) for room_id, summary in found],
        "total_room_count_estimate": directory.count(query),
    }
    if found and (more or backwards):
        answer["next_batch"] = _token("n", found[-1][1])
    if found and (more if backwards else start is not None):
        answer["prev_batch"] = _token("p", found[0][1])
    return answer


def rooms_of_server(server: str | None, query: Query, page: PageOf, body: dict[str, Any]) -> dict[str, Any]:
    """A page of the directory of this server, or of another, which is sent the `body`.

    Raises `InvalidParam` for what names no server.
    """
    if server is None or server == local_server_name():
        return published_rooms(query, page)
    return remote_directory.published_rooms(parse_server_name(server), body)


def _token(direction: str, summary: SummaryRow) -> str:
    return f"{direction}{summary.joined_members}_{summary.room_nid}"


def _start_of(since: str | None) -> tuple[bool, Place | None]:
    if not since:
        return False, None
    found = _TOKEN.fullmatch(since)
    if found is None:
        raise InvalidParam("since is not a token of this server")
    return found[1] == "p", Place(int(found[2]), int(found[3]))
