"""Server administration (data/api/client-server/admin.yaml)."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import Forbidden, NotFound
from matrix_app.protocol.ids import parse_user_id
from matrix_app.services import last_seen, moderate_account
from matrix_app.storage import accounts, devices
from matrix_app.storage.devices import DeviceRow


class LockBody(msgspec.Struct):
    """The body of PUT /admin/lock/{userId}."""

    locked: bool


class SuspendBody(msgspec.Struct):
    """The body of PUT /admin/suspend/{userId}."""

    suspended: bool


@endpoint("GET", "/_matrix/client/v3/admin/whois/{user_id}")
def whois(request: Request) -> dict[str, Any]:
    """From where a user is connected (GET /admin/whois/{userId})."""
    user_id = parse_user_id(request.path["user_id"])
    if user_id != request.requester.user_id and not request.requester.is_admin:
        raise Forbidden("You are not a server administrator")
    account = accounts.find(user_id)
    if account is None:
        raise NotFound("There is no such user")
    found = devices.of_user(account.user_nid)
    sessions = {device.device_id: {"sessions": [{"connections": _connections(device)}]} for device in found}
    return {"user_id": user_id, "devices": sessions}


def _connections(device: DeviceRow) -> list[dict[str, Any]]:
    seen = last_seen.latest(device.nid, device.user_nid)
    if seen is None and device.last_seen_ts is None:
        return []
    told = {
        "ip": seen.ip if seen else device.last_seen_ip,
        "last_seen": seen.ts if seen else device.last_seen_ts,
        "user_agent": seen.user_agent if seen else device.last_seen_user_agent,
    }
    # What is not known any more, or never was kept, has no value of its type.
    return [{name: value for name, value in told.items() if value is not None}]


_LOCK = (
    "/_matrix/client/v1/admin/lock/{user_id}",
    "/_matrix/client/unstable/uk.timedout.msc4323/admin/lock/{user_id}",
)
_SUSPEND = (
    "/_matrix/client/v1/admin/suspend/{user_id}",
    "/_matrix/client/unstable/uk.timedout.msc4323/admin/suspend/{user_id}",
)


@endpoint("GET", *_LOCK, auth=Auth.ADMIN)
def is_locked(request: Request) -> dict[str, Any]:
    """Whether an account is locked (GET /admin/lock/{userId})."""
    account = moderate_account.moderated_account(request.requester, request.path["user_id"])
    return {"locked": account.locked_ts is not None}


@endpoint("PUT", *_LOCK, auth=Auth.ADMIN, body=LockBody, rate="write")
def lock(request: Request) -> dict[str, Any]:
    """Lock or unlock an account (PUT /admin/lock/{userId})."""
    locked = request.decode(LockBody).locked
    moderate_account.set_locked(request.requester, request.path["user_id"], locked)
    return {"locked": locked}


@endpoint("GET", *_SUSPEND, auth=Auth.ADMIN)
def is_suspended(request: Request) -> dict[str, Any]:
    """Whether an account is suspended (GET /admin/suspend/{userId})."""
    account = moderate_account.moderated_account(request.requester, request.path["user_id"])
    return {"suspended": account.suspended_ts is not None}


@endpoint("PUT", *_SUSPEND, auth=Auth.ADMIN, body=SuspendBody, rate="write")
def suspend(request: Request) -> dict[str, Any]:
    """Suspend an account or lift that (PUT /admin/suspend/{userId})."""
    suspended = request.decode(SuspendBody).suspended
    moderate_account.set_suspended(request.requester, request.path["user_id"], suspended)
    return {"suspended": suspended}
