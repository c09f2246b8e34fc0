"""The server as administrators see it, as the tools that were made for Synapse ask for it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from appliance.version import VERSION
from matrix_app.client_api.admin_query import V1, account_in_path
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam
from matrix_app.storage import long_tasks, numbered_lists, room_figures, rooms
from matrix_app.storage.long_tasks import LongTaskRow

_LARGEST: Final = 10
_MOST_TASKS: Final = 500
_STATES: Final = {"queued": "scheduled", "running": "active", "done": "complete"}


@endpoint("GET", f"{V1}/server_version", auth=Auth.ADMIN)
def server_version(request: Request) -> dict[str, str]:
    """Which software this is."""
    return {"server_version": f"Hearth {VERSION}"}


@endpoint("GET", f"{V1}/statistics/database/rooms", auth=Auth.ADMIN, slow=True)
def largest_rooms(request: Request) -> dict[str, Any]:
    """The rooms that take the most of the database, by estimate."""
    nids = numbered_lists.largest_rooms(_LARGEST)
    names = rooms.room_ids(nids)
    sizes = [{"room_id": names[nid], "estimated_size": room_figures.figures(nid).bytes} for nid in nids]
    return {"rooms": sorted(sizes, key=lambda row: -int(row["estimated_size"]))}


@endpoint("GET", f"{V1}/background_updates/status", auth=Auth.ADMIN)
def background_updates(request: Request) -> dict[str, Any]:
    """What is done to the database in the background: nothing, as an upgrade does it before it is over."""
    return {"enabled": True, "current_updates": {}}


@endpoint("GET", f"{V1}/background_updates/enabled", auth=Auth.ADMIN)
def background_updates_enabled(request: Request) -> dict[str, bool]:
    """Whether such work would be done."""
    return {"enabled": True}


@endpoint("GET", f"{V1}/scheduled_tasks", auth=Auth.ADMIN)
def scheduled_tasks(request: Request) -> dict[str, Any]:
    """The newest long tasks, those that have ended too."""
    action, state = request.query("action_name"), request.query("job_status")
    resource = request.query("resource_id")
    latest = request.query_int("max_timestamp", (1 << 62))
    shown = [_task(row) for row in long_tasks.page(before=None, limit=_MOST_TASKS)]
    wanted = {"action": action, "status": state, "resource_id": resource}
    kept = [
        task
        for task in shown
        if task["timestamp_ms"] <= latest
        and all(value is None or task[key] == value for key, value in wanted.items())
    ]
    return {"scheduled_tasks": kept}


def _task(row: LongTaskRow) -> dict[str, Any]:
    return {
        "id": str(row.nid),
        "action": row.kind,
        "status": _STATES.get(row.state, "failed"),
        "timestamp_ms": row.heartbeat_ts or row.created_ts,
        "resource_id": row.params.get("user_id"),
        "result": row.result or None,
        "error": row.error or None,
    }


class Features(msgspec.Struct):
    """Which features a user is to have."""

    features: dict[str, bool]


@endpoint("GET", f"{V1}/experimental_features/{{user_id}}", auth=Auth.ADMIN)
def get_features(request: Request) -> dict[str, Any]:
    """The features that a user has and others do not: there are none."""
    account_in_path(request)
    return {"features": {}}


@endpoint("PUT", f"{V1}/experimental_features/{{user_id}}", auth=Auth.ADMIN, body=Features, rate="write")
def put_features(request: Request) -> dict[str, Any]:
    """Refused for every feature: everybody on this server has the same."""
    account_in_path(request)
    if request.decode(Features).features:
        raise InvalidParam("Everybody on this server has the same features")
    return {}
