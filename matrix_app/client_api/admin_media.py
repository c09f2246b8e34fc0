"""Media as administrators look after them, as the tools that were made for Synapse ask for it."""

from __future__ import annotations

from typing import Any, Final

from matrix_app.client_api.admin_query import actor_of
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.protocol.ids import Mxc, parse_media_id, parse_server_name
from matrix_app.services import list_media, quarantine_media, remove_media
from matrix_app.services.remove_media import Removed, local_mxc
from matrix_app.storage import rooms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.media_listing import ListedMedia
from matrix_app.storage.media_sweep import Old
from matrix_app.storage.rooms import RoomIdentity

_V1: Final = "/_synapse/admin/v1"
# Whoever gives seconds where milliseconds are wanted would be surprised by what is removed.
_PLAUSIBLE_MS: Final = 30_000_000_000


def _mxc(request: Request) -> Mxc:
    path = request.path
    return Mxc(parse_server_name(path["server_name"]), parse_media_id(path["media_id"]))


def _room(request: Request) -> RoomIdentity:
    room = rooms.find(request.path["room_id"])
    if room is None:
        raise NotFound("The room is not known")
    return room


@endpoint("GET", f"{_V1}/media/{{server_name}}/{{media_id}}", auth=Auth.ADMIN)
def get_media_info(request: Request) -> dict[str, Any]:
    """What is known of media."""
    found = list_media.describe(_mxc(request))
    return {"media_info": {**listed(found), "media_origin": found.server_name, "user_id": found.user_id}}


def listed(entry: ListedMedia) -> dict[str, Any]:
    """An entry as Synapse's lists show it."""
    return {
        "media_id": entry.media_id,
        "media_type": entry.content_type,
        "media_length": entry.size,
        "upload_name": entry.file_name,
        "created_ts": entry.created_ts,
        "last_access_ts": entry.last_used_ts,
        "quarantined_by": (entry.quarantined_by or "") if entry.quarantined_ts is not None else None,
        "safe_from_quarantine": entry.protected_ts is not None,
        "sha256": None if entry.sha256 is None else entry.sha256.hex(),
    }


@endpoint("DELETE", f"{_V1}/media/{{server_name}}/{{media_id}}", auth=Auth.ADMIN, rate="write", slow=True)
def delete_media(request: Request) -> dict[str, Any]:
    """Remove media of this server."""
    mxc = local_mxc(request.path["server_name"], request.path["media_id"])
    return removed(remove_media.remove_one(actor_of(request), mxc))


def removed(done: Removed) -> dict[str, Any]:
    """What was removed, as Synapse tells it."""
    return {"deleted_media": done.media_ids, "total": len(done.media_ids)}


@endpoint(
    "POST",
    f"{_V1}/media/delete",
    f"{_V1}/media/{{server_name}}/delete",
    auth=Auth.ADMIN,
    rate="write",
    slow=True,
)
def delete_old_media(request: Request) -> dict[str, Any]:
    """Remove media of users here that have not been used since a time."""
    if request.path.get("server_name", local_server_name()) != local_server_name():
        raise InvalidParam("The media do not belong to this server")
    old = Old(_before(request), request.query_int("size_gt", -1, minimum=0))
    keep_portraits = request.query_bool("keep_profiles", default=True)
    return removed(remove_media.remove_old(actor_of(request), old, keep_portraits=keep_portraits))


@endpoint("POST", f"{_V1}/purge_media_cache", auth=Auth.ADMIN, rate="write", slow=True)
def purge_media_cache(request: Request) -> dict[str, Any]:
    """Remove media of other servers that have not been used since a time."""
    done = remove_media.remove_fetched(actor_of(request), _before(request))
    return {"deleted": len(done.media_ids)}


def _before(request: Request) -> int:
    request.required_query("before_ts")
    before = request.query_int("before_ts", 0)
    if before < _PLAUSIBLE_MS:
        raise InvalidParam("before_ts is in the year 1970; it has to be in milliseconds")
    return before


@endpoint("POST", f"{_V1}/media/quarantine/{{server_name}}/{{media_id}}", auth=Auth.ADMIN, rate="write")
def quarantine(request: Request) -> dict[str, Any]:
    """Serve media to nobody any more."""
    quarantine_media.quarantine(actor_of(request), _mxc(request))
    return {}


@endpoint("POST", f"{_V1}/media/unquarantine/{{server_name}}/{{media_id}}", auth=Auth.ADMIN, rate="write")
def end_quarantine(request: Request) -> dict[str, Any]:
    """Serve media again."""
    quarantine_media.end_quarantine(actor_of(request), _mxc(request))
    return {}


@endpoint("POST", f"{_V1}/media/protect/{{media_id}}", auth=Auth.ADMIN, rate="write")
def protect(request: Request) -> dict[str, Any]:
    """Keep media of this server from being quarantined."""
    mxc = local_mxc(local_server_name(), request.path["media_id"])
    quarantine_media.set_protected(actor_of(request), mxc, True)
    return {}


@endpoint("POST", f"{_V1}/media/unprotect/{{media_id}}", auth=Auth.ADMIN, rate="write")
def end_protection(request: Request) -> dict[str, Any]:
    """Let media of this server be quarantined."""
    mxc = local_mxc(local_server_name(), request.path["media_id"])
    quarantine_media.set_protected(actor_of(request), mxc, False)
    return {}


@endpoint(
    "POST",
    f"{_V1}/room/{{room_id}}/media/quarantine",
    f"{_V1}/quarantine_media/{{room_id}}",
    auth=Auth.ADMIN,
    rate="write",
    slow=True,
)
def quarantine_of_room(request: Request) -> dict[str, Any]:
    """Quarantine all media that a room shows."""
    return {"num_quarantined": quarantine_media.quarantine_of_room(actor_of(request), _room(request))}


@endpoint("GET", f"{_V1}/room/{{room_id}}/media", auth=Auth.ADMIN, slow=True)
def media_of_room(request: Request) -> dict[str, Any]:
    """The media that a room shows."""
    found = list_media.of_room(_room(request))
    return {"local": [str(mxc) for mxc in found.local], "remote": [str(mxc) for mxc in found.remote]}
