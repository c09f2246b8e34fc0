"""Third-party networks (data/api/client-server/third_party_lookup.yaml)."""

from __future__ import annotations

from typing import Any

from matrix_app.appservices import third_party
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request

_BASE = "/_matrix/client/v3/thirdparty"


@endpoint("GET", f"{_BASE}/protocols", slow=True)
def get_protocols(request: Request) -> dict[str, Any]:
    """Every protocol (GET /thirdparty/protocols)."""
    return third_party.protocols()


@endpoint("GET", f"{_BASE}/protocol/{{protocol}}", slow=True)
def get_protocol(request: Request) -> dict[str, Any]:
    """One protocol (GET /thirdparty/protocol/{protocol})."""
    return third_party.protocol(request.path["protocol"])


@endpoint("GET", f"{_BASE}/location/{{protocol}}", slow=True)
def get_locations(request: Request) -> list[Any]:
    """Places of a protocol (GET /thirdparty/location/{protocol})."""
    return third_party.find_in("location", request.path["protocol"], _fields(request))


@endpoint("GET", f"{_BASE}/user/{{protocol}}", slow=True)
def get_users(request: Request) -> list[Any]:
    """People of a protocol (GET /thirdparty/user/{protocol})."""
    return third_party.find_in("user", request.path["protocol"], _fields(request))


@endpoint("GET", f"{_BASE}/location", slow=True)
def get_locations_of_alias(request: Request) -> list[Any]:
    """What a room alias leads to elsewhere (GET /thirdparty/location)."""
    return third_party.find_of("location", "alias", request.required_query("alias"))


@endpoint("GET", f"{_BASE}/user", slow=True)
def get_users_of_id(request: Request) -> list[Any]:
    """Whom a user stands for elsewhere (GET /thirdparty/user)."""
    return third_party.find_of("user", "userid", request.required_query("userid"))


def _fields(request: Request) -> dict[str, str]:
    """The search fields, without what is meant for this server."""
    return {name: str(value) for name, value in request.http.GET.items() if name != "access_token"}
