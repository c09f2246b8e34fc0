"""What administrators do with rooms beyond blocking, as the tools that were made for Synapse ask for it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from matrix_app.client_api.admin_query import V1, V2, actor_of
from matrix_app.client_api.joining import room_and_servers
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import NotFound
from matrix_app.services import administer_room
from matrix_app.services.shutdown_room import Shutdown
from matrix_app.storage import long_tasks, room_figures, rooms
from matrix_app.storage.long_tasks import LongTaskRow

_ROOM: Final = f"{V1}/rooms/{{room_id_or_alias}}"


@endpoint("DELETE", f"{V2}/rooms/{{room_id}}", auth=Auth.ADMIN, body=Shutdown, rate="write")
def delete_room(request: Request) -> dict[str, str]:
    """Begin to close a room for this server's users, and to remove it; the ID tells how far that is."""
    wanted = request.decode(Shutdown, empty_allowed=True)
    nid = administer_room.delete_room(
        actor_of(request), request.path["room_id"], block=wanted.block, purge=wanted.purge, notice=wanted
    )
    return {"delete_id": str(nid)}


@endpoint("GET", f"{V2}/rooms/delete_status/{{delete_id}}", auth=Auth.ADMIN)
def delete_status(request: Request) -> dict[str, Any]:
    """How far a deletion is."""
    text = request.path["delete_id"]
    row = long_tasks.find(int(text)) if text.isdigit() and len(text) < 19 else None
    if row is None or row.kind != administer_room.DELETE:
        raise NotFound("There is no such deletion")
    return _status(row)


@endpoint("GET", f"{V2}/rooms/{{room_id}}/delete_status", auth=Auth.ADMIN)
def delete_statuses(request: Request) -> dict[str, Any]:
    """How far the deletions of a room are."""
    room = administer_room.room_of(request.path["room_id"])
    found = [row for row in long_tasks.of_kind(administer_room.DELETE) if row.params["room_nid"] == room.nid]
    if not found:
        raise NotFound("The room is not being deleted")
    return {"results": [{"delete_id": str(row.nid), **_status(row)} for row in found]}


def _status(row: LongTaskRow) -> dict[str, Any]:
    going_on = "purging" if row.checkpoint.get("phase") == "purge" else "shutting_down"
    states = {"queued": "scheduled", "running": going_on, "done": "complete"}
    new_nid = row.params.get("new_room_nid")
    answer = {
        "status": states.get(row.state, "failed"),
        "shutdown_room": {
            "kicked_users": row.checkpoint.get("users", []),
            "failed_to_kick_users": [],
            "local_aliases": [],
            "new_room_id": None if new_nid is None else rooms.by_nid(new_nid).room_id,
        },
    }
    return answer | ({"error": row.error or row.state} if answer["status"] == "failed" else {})


class UserBody(msgspec.Struct):
    """A user; the administrator where none is named."""

    user_id: str | None = None


@endpoint("POST", f"{_ROOM}/make_room_admin", auth=Auth.ADMIN, body=UserBody, rate="write")
def make_room_admin(request: Request) -> dict[str, Any]:
    """Give a user the power of the most powerful user of this server in a room."""
    user_id = request.decode(UserBody, empty_allowed=True).user_id or request.requester.user_id
    administer_room.make_admin(actor_of(request), room_and_servers(request)[0], user_id)
    return {}


@endpoint("GET", f"{_ROOM}/forward_extremities", auth=Auth.ADMIN)
def forward_extremities(request: Request) -> dict[str, Any]:
    """The ends of a room's history."""
    room = administer_room.room_of(room_and_servers(request)[0])
    found = room_figures.extremities(room.nid)
    shown = [
        {"event_id": row.event_id, "depth": row.depth, "received_ts": row.origin_server_ts} for row in found
    ]
    return {"count": len(shown), "results": shown}


@endpoint("DELETE", f"{_ROOM}/forward_extremities", auth=Auth.ADMIN, rate="write")
def join_extremities(request: Request) -> dict[str, int]:
    """Bring the ends of a room's history together; how many fewer there are."""
    room_id, _ = room_and_servers(request)
    return {"deleted": administer_room.join_extremities(actor_of(request), room_id)}


class JoinBody(msgspec.Struct):
    """Who is to be in the room."""

    user_id: str


@endpoint("POST", f"{V1}/join/{{room_id_or_alias}}", auth=Auth.ADMIN, body=JoinBody, rate="write", slow=True)
def join_user(request: Request) -> dict[str, str]:
    """Let a user of this server join a room that they may join, or that the administrator may invite to."""
    user_id = request.decode(JoinBody).user_id
    room_id, servers = room_and_servers(request)
    administer_room.add_user(actor_of(request), request.requester, room_id, user_id, servers)
    return {"room_id": room_id}
