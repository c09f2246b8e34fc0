"""Other servers as administrators see them, as the tools that were made for Synapse ask for it."""

from __future__ import annotations

from typing import Any, Final

from matrix_app.client_api.admin_query import V1, actor_of, next_token, part_of
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import NotFound
from matrix_app.services.retry_server import retry_server
from matrix_app.storage import destination_list, numbered_lists, rooms
from matrix_app.storage.destination_list import ListedServer
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.numbered_lists import SERVER_ORDERS

_ALL: Final = f"{V1}/federation/destinations"
_ORDERS: Final = frozenset({"room_id"})


def _health(name: str, failing_since: int | None, retry_at: int, interval: int, sent: int | None) -> Any:
    return {
        "destination": name,
        "retry_last_ts": max(0, retry_at - interval),
        "retry_interval": interval,
        "failure_ts": failing_since,
        "last_successful_stream_ordering": sent or None,
    }


@endpoint("GET", _ALL, auth=Auth.ADMIN)
def list_destinations(request: Request) -> dict[str, Any]:
    """The servers that this one shares rooms with or has spoken to."""
    part, search = part_of(request, SERVER_ORDERS, "destination"), request.query("destination") or ""
    here = local_server_name()
    found = numbered_lists.servers(here, search, part)
    total = numbered_lists.count_servers(here, search)
    shown = [_health(*row) for row in found]
    return {"destinations": shown, "total": total, **next_token(part, len(found), total)}


def _server(request: Request) -> ListedServer:
    found = destination_list.find(request.path["destination"])
    if found is None or found.name == local_server_name():
        raise NotFound("Nothing is known of this server")
    return found


@endpoint("GET", f"{_ALL}/{{destination}}", auth=Auth.ADMIN)
def get_destination(request: Request) -> Any:
    """How another server is."""
    found = _server(request)
    return _health(
        found.name, found.failing_since_ts, found.retry_at_ts, found.interval_ms, found.sent_position
    )


@endpoint("GET", f"{_ALL}/{{destination}}/rooms", auth=Auth.ADMIN)
def rooms_of_destination(request: Request) -> dict[str, Any]:
    """The rooms that another server has users in."""
    found, part = _server(request), part_of(request, _ORDERS, "room_id")
    shared = numbered_lists.rooms_of_server(found.server_nid, part)
    positions = rooms.positions(room_nid for room_nid, _ in shared)
    shown = [
        {"room_id": room_id, "stream_ordering": positions.get(room_nid, 0)} for room_nid, room_id in shared
    ]
    total = found.shared_rooms
    return {"rooms": shown, "total": total, **next_token(part, len(shown), total)}


@endpoint("POST", f"{_ALL}/{{destination}}/reset_connection", auth=Auth.ADMIN, rate="write", slow=True)
def reset_connection(request: Request) -> dict[str, Any]:
    """Ask a server now that is being left alone; what waits for it leaves when it answers."""
    retry_server(actor_of(request), _server(request).name)
    return {}
