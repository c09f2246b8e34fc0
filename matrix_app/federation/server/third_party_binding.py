"""Identity servers telling of bound addresses ("Third-party invites" of the server-server API)."""

from __future__ import annotations

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.services.third_party_binding import Binding, on_bind

_PATH = "/_matrix/federation/v1/3pid/onbind"


@endpoint("PUT", _PATH, auth=Auth.NONE, rate="federation")
def put_on_bind(request: Request) -> dict[str, str]:
    """An address belongs to a user of this server now."""
    on_bind(request.decode(Binding))
    return {}


@endpoint("POST", _PATH, auth=Auth.NONE, rate="federation")
def post_on_bind(request: Request) -> dict[str, str]:
    """The same, as identity servers have said it before there was a specification."""
    on_bind(request.decode(Binding))
    return {}
