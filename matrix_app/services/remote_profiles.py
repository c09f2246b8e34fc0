"""Profiles of users of other servers."""

from __future__ import annotations

from typing import Any, Final

from matrix_app.protocol.errors import FederationDenied, NotFound, RemoteError, RemoteUnreachable
from matrix_app.protocol.ids import domain_of
from matrix_app.services.profile_fields import SHOWN
from matrix_app.services.remote_servers import request
from matrix_app.storage import events, interning, members, profiles

_PATH: Final = "/_matrix/federation/v1/query/profile"
# Somebody waits for the answer, and what rooms show is nearly as good.
_TIMEOUT: Final = 8.0


def profile_of(user_id: str) -> dict[str, Any]:
    """The profile that the user's server tells; while it does not answer, what is known here of the user.

    Raises `NotFound` for a user whom that server does not know, and when nobody knows anything.
    """
    try:
        answer = request(domain_of(user_id), "GET", _PATH, query={"user_id": user_id}, timeout=_TIMEOUT)
    except RemoteError as error:
        if error.remote_status == 404:
            raise NotFound("The user is not known on their server") from error
        return _known(user_id)
    except (RemoteUnreachable, FederationDenied):
        return _known(user_id)
    if not isinstance(answer, dict):
        return _known(user_id)
    # "MUST either be omitted or set to `null`" when there is none; towards clients it is omitted.
    return {key: value for key, value in answer.items() if value is not None or key not in SHOWN}


def _known(user_id: str) -> dict[str, Any]:
    """Fields that were kept, or what a room shows of the user."""
    nid = interning.find_user(user_id)
    fields = profiles.get_fields(nid) if nid is not None else {}
    shown = shown_in_rooms(nid) if nid is not None and not fields else None
    if not fields and shown is None:
        raise NotFound("The user's server cannot be reached")
    return fields or shown or {}


def shown_in_rooms(user_nid: int) -> dict[str, Any] | None:
    """The name and avatar in the newest member event of a user who is in a room; None in no room."""
    rows = members.of_user(user_nid, [members.Membership.JOIN])
    if not rows:
        return None
    latest = max(rows, key=lambda row: row.position)
    content = events.events_by_nid([latest.event_nid])[latest.event_nid].content
    return {name: content[name] for name in SHOWN if isinstance(content.get(name), str)}
