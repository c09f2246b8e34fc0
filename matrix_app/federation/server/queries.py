"""What servers ask of users, aliases and rooms (query.yaml, public_rooms.yaml, space_hierarchy.yaml)."""

from __future__ import annotations

from typing import Any

from appliance.config import get_config
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import Forbidden, NotFound
from matrix_app.protocol.ids import parse_room_alias
from matrix_app.services import directory, profiles, room_aliases
from matrix_app.services.directory import PageOf
from matrix_app.services.directory_request import PublicRoomsBody
from matrix_app.services.server_queries import require_local
from matrix_app.services.server_spaces import hierarchy_for

_BASE = "/_matrix/federation/v1"


@endpoint("GET", f"{_BASE}/query/profile", auth=Auth.FEDERATION, rate="federation")
def query_profile(request: Request) -> dict[str, Any]:
    """The profile of a user, or a field of it (GET /query/profile)."""
    user_id = request.required_query("user_id")
    require_local([user_id])
    field = request.query("field")
    return profiles.profile_of(user_id) if field is None else profiles.field_for_server(user_id, field)


@endpoint("GET", f"{_BASE}/query/directory", auth=Auth.FEDERATION, rate="federation")
def query_directory(request: Request) -> dict[str, Any]:
    """Where an alias of this server leads (GET /query/directory)."""
    found = room_aliases.find_local(parse_room_alias(request.required_query("room_alias")))
    if found is None:
        raise NotFound("The room alias is not known")
    return {"room_id": found.room_id, "servers": found.servers}


@endpoint("GET", f"{_BASE}/publicRooms", auth=Auth.FEDERATION, rate="federation")
def get_public_rooms(request: Request) -> dict[str, Any]:
    """A page of the directory (GET /publicRooms)."""
    return _public_rooms(
        PublicRoomsBody(
            limit=request.query_int("limit", 0),
            since=request.query("since"),
            include_all_networks=request.query_bool("include_all_networks"),
            third_party_instance_id=request.query("third_party_instance_id"),
        )
    )


@endpoint("POST", f"{_BASE}/publicRooms", auth=Auth.FEDERATION, rate="federation")
def post_public_rooms(request: Request) -> dict[str, Any]:
    """A page of those rooms of the directory that a filter lets pass (POST /publicRooms)."""
    return _public_rooms(request.decode(PublicRoomsBody, empty_allowed=True))


def _public_rooms(body: PublicRoomsBody) -> dict[str, Any]:
    if not get_config().rooms.public_directory_over_federation:
        raise Forbidden("The room directory of this server is not open to other servers")
    # A limit of 0 is none.
    page = PageOf(body.limit or None, body.since)
    return directory.published_rooms(body.query()._replace(federated_only=True), page)


@endpoint("GET", f"{_BASE}/hierarchy/{{room_id}}", auth=Auth.FEDERATION, rate="federation")
def get_hierarchy(request: Request) -> dict[str, Any]:
    """A room and its children (GET /hierarchy/{roomId})."""
    suggested = request.query_bool("suggested_only")
    return hierarchy_for(request.path["room_id"], request.origin, suggested_only=suggested)
