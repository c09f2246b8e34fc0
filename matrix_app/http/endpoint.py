"""Endpoints as data: the router, the documentation and the coverage test read the same table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from matrix_app.http.request import Request

Handler = Callable[["Request"], Any]


class Auth(Enum):
    """Who may call an endpoint."""

    NONE = "none"  # nobody is looked up
    OPTIONAL = "optional"  # a token is checked when there is one
    USER = "user"  # an access token, of a user or of an application service
    ADMIN = "admin"  # an access token of a server administrator
    FEDERATION = "federation"  # a request signed by another server


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: where it is found, who may call it, and what it costs.

    `paths` holds the path of the specification first, then those under which older or newer clients
    look for it. `{name}` matches one segment, which the handler finds percent-decoded in
    `request.path`. `rate` names a class of the `rate_limits` configuration. `waits` marks endpoints
    which are answered on the event loop because they wait for news. `slow` marks those that may wait for
    the disk: they have threads of their own, so that nothing else waits with them.
    """

    method: str
    paths: tuple[str, ...]
    auth: Auth
    handler: Handler
    rate: str | None = None
    guests: bool = False
    # Locked accounts may only log out; deactivated ones nothing.
    locked: bool = False
    streams_body: bool = False
    waits: bool = False
    slow: bool = False
    # What the handler decodes the body into, where the documentation shows it.
    body: type[Struct] | None = None


_registry: list[Endpoint] = []


def endpoint(
    method: str,
    *paths: str,
    auth: Auth = Auth.USER,
    rate: str | None = "read",
    guests: bool = False,
    locked: bool = False,
    streams_body: bool = False,
    waits: bool = False,
    slow: bool = False,
    body: type[Struct] | None = None,
) -> Callable[[Handler], Handler]:
    """Declare the decorated function as the handler of an endpoint.

    Paths that begin with `/_matrix/client/v3/` are also served under `r0` and `unstable`, as clients
    from before version 1.1 ask for them.
    """

    def register(handler: Handler) -> Handler:
        every = tuple(path for given in paths for path in _with_aliases(given))
        declared = Endpoint(
            method, every, auth, handler, rate, guests, locked, streams_body, waits, slow, body
        )
        _registry.append(declared)
        return handler

    return register


_V3 = "/_matrix/client/v3/"


def _with_aliases(path: str) -> tuple[str, ...]:
    if not path.startswith(_V3):
        return (path,)
    rest = path.removeprefix(_V3)
    return (
        path,
        f"/_matrix/client/r0/{rest}",
        f"/_matrix/client/unstable/{rest}",
        f"/_matrix/client/api/v1/{rest}",
    )


def all_endpoints() -> list[Endpoint]:
    """Every endpoint that has been declared by the modules imported so far."""
    return list(_registry)
