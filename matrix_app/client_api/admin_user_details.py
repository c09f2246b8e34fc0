"""What belongs to an account, as the tools that were made for Synapse ask for it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from matrix_app.client_api.admin_query import V1, account_in_path, actor_of
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import Forbidden, NotFound, Unrecognized
from matrix_app.services import administer_account, administer_room, user_counts
from matrix_app.services.cross_signing import stored_keys
from matrix_app.services.cross_signing_reset import allow_reset
from matrix_app.services.pushers import pushers_of
from matrix_app.services.shown_account_data import without_secrets
from matrix_app.storage import long_tasks, members, rooms
from matrix_app.storage.accounts import MessageLimit
from matrix_app.storage.members import Membership

_EVERY: Final = (Membership.JOIN, Membership.INVITE, Membership.KNOCK, Membership.BAN, Membership.LEAVE)
_RATE_LIMIT: Final = f"{V1}/users/{{user_id}}/override_ratelimit"
_STATUS: Final = {"queued": "scheduled", "running": "active", "done": "complete"}


@endpoint("GET", f"{V1}/users/{{user_id}}/joined_rooms", auth=Auth.ADMIN)
def joined_rooms(request: Request) -> dict[str, Any]:
    """The rooms that a user is in."""
    found = rooms.room_ids(members.joined_rooms(account_in_path(request).user_nid))
    return {"joined_rooms": sorted(found.values()), "total": len(found)}


@endpoint("GET", f"{V1}/users/{{user_id}}/memberships", auth=Auth.ADMIN)
def memberships(request: Request) -> dict[str, Any]:
    """What a user is in each room that they have to do with."""
    found = members.of_user(account_in_path(request).user_nid, _EVERY)
    names = rooms.room_ids(row.room_nid for row in found)
    return {"memberships": {names[row.room_nid]: Membership(row.membership).word for row in found}}


@endpoint("GET", f"{V1}/users/{{user_id}}/pushers", auth=Auth.ADMIN)
def pushers(request: Request) -> dict[str, Any]:
    """Where a user's notifications are pushed."""
    found = pushers_of(account_in_path(request).user_nid)
    return {"pushers": found, "total": len(found)}


@endpoint("GET", f"{V1}/users/{{user_id}}/accountdata", auth=Auth.ADMIN)
def all_account_data(request: Request) -> dict[str, Any]:
    """The account data of a user, without the secrets that clients keep there."""
    found = without_secrets(account_in_path(request).user_nid)
    return {"account_data": {"global": found.everywhere, "rooms": found.rooms}}


@endpoint("GET", f"{V1}/users/{{user_id}}/sent_invite_count", auth=Auth.ADMIN, slow=True)
def sent_invite_count(request: Request) -> dict[str, int]:
    """How many invites a user has sent since a time."""
    account = account_in_path(request)
    return {"invite_count": user_counts.invites_sent(account, request.query_int("from_ts", 0))}


@endpoint("GET", f"{V1}/users/{{user_id}}/cumulative_joined_room_count", auth=Auth.ADMIN, slow=True)
def cumulative_joined_room_count(request: Request) -> dict[str, int]:
    """How many rooms a user has joined since a time, those too that they have left."""
    account = account_in_path(request)
    return {
        "cumulative_joined_room_count": user_counts.rooms_joined(account, request.query_int("from_ts", 0))
    }


class RedactBody(msgspec.Struct):
    """In which rooms a user's messages are redacted (everywhere where none is named), and why."""

    rooms: list[str] = []
    reason: str = ""


@endpoint("POST", f"{V1}/user/{{user_id}}/redact", auth=Auth.ADMIN, body=RedactBody, rate="write")
def redact(request: Request) -> dict[str, str]:
    """Begin to redact all messages of a user; the ID tells how far that is."""
    body = request.decode(RedactBody, empty_allowed=True)
    only = [administer_room.room_of(room_id).nid for room_id in body.rooms]
    nid = administer_account.redact_everything(
        actor_of(request), request.path["user_id"], body.reason[:500], only
    )
    return {"redact_id": str(nid)}


@endpoint("GET", f"{V1}/user/redact_status/{{redact_id}}", auth=Auth.ADMIN)
def redact_status(request: Request) -> dict[str, Any]:
    """How far a redaction is: scheduled, active, complete or failed."""
    text = request.path["redact_id"]
    row = long_tasks.find(int(text)) if text.isdigit() and len(text) < 19 else None
    if row is None or row.kind != "user.redact":
        raise NotFound("There is no such redaction")
    answer: dict[str, Any] = {"status": _STATUS.get(row.state, "failed"), "failed_redactions": {}}
    return answer | ({"error": row.error or row.state} if answer["status"] == "failed" else {})


@endpoint("POST", f"{V1}/users/{{user_id}}/login", auth=Auth.ADMIN, rate="write")
def log_in_as(request: Request) -> dict[str, Any]:
    """Refused: nobody acts as somebody else on this server."""
    raise Forbidden("Administrators of this server cannot sign in as somebody else")


@endpoint("GET", _RATE_LIMIT, auth=Auth.ADMIN)
def get_rate_limit(request: Request) -> dict[str, Any]:
    """The limit of messages that holds for this user alone; nothing where that of everybody does."""
    return _limit_body(account_in_path(request).message_limit)


class RateLimitBody(msgspec.Struct):
    """How many messages a user may send: a second, and at once. 0 a second: no rate limits at all."""

    messages_per_second: int = 0
    burst_count: int = 0


@endpoint("POST", _RATE_LIMIT, auth=Auth.ADMIN, body=RateLimitBody, rate="write")
def set_rate_limit(request: Request) -> dict[str, Any]:
    """Have a limit of messages hold for this user alone."""
    body = request.decode(RateLimitBody, empty_allowed=True)
    limit = MessageLimit(body.messages_per_second, body.burst_count)
    administer_account.set_message_limit(actor_of(request), account_in_path(request).user_id, limit)
    return _limit_body(limit)


@endpoint("DELETE", _RATE_LIMIT, auth=Auth.ADMIN, rate="write")
def remove_rate_limit(request: Request) -> dict[str, Any]:
    """Have the limits of everybody hold for this user again."""
    administer_account.set_message_limit(actor_of(request), account_in_path(request).user_id, None)
    return {}


def _limit_body(limit: MessageLimit | None) -> dict[str, Any]:
    return {} if limit is None else {"messages_per_second": limit.per_second, "burst_count": limit.burst}


@endpoint("POST", f"{V1}/users/{{user_id}}/shadow_ban", auth=Auth.ADMIN, rate="write")
@endpoint("DELETE", f"{V1}/users/{{user_id}}/shadow_ban", auth=Auth.ADMIN, rate="write")
def shadow_ban(request: Request) -> dict[str, Any]:
    """Not there: nobody is deceived about what becomes of their messages."""
    raise Unrecognized("This server does not shadow-ban; suspend the user, or lock the account")


@endpoint(
    "POST",
    f"{V1}/users/{{user_id}}/_allow_cross_signing_replacement_without_uia",
    auth=Auth.ADMIN,
    rate="write",
)
def allow_key_replacement(request: Request) -> dict[str, Any]:
    """Let a user who has cross-signing keys replace them without the password for some minutes."""
    account = account_in_path(request)
    if not stored_keys(account.user_nid):
        raise NotFound("The user has no cross-signing keys")
    until = allow_reset(actor_of(request), account)
    return {"updatable_without_uia_before_ms": until}


@endpoint("POST", f"{V1}/account_validity/validity", auth=Auth.ADMIN, rate="write")
def renew_account(request: Request) -> dict[str, Any]:
    """Not there: accounts of this server do not expire."""
    raise Unrecognized("Accounts of this server do not expire")
