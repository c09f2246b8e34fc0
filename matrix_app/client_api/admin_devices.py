"""Devices of users as administrators look after them, as the tools that were made for Synapse ask for it."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.client_api.admin_query import V2, account_in_path, actor_of
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.http.response import Json
from matrix_app.protocol.errors import NotFound
from matrix_app.services import administer_account, last_seen
from matrix_app.storage import devices
from matrix_app.storage.devices import DeviceRow

_ALL = f"{V2}/users/{{user_id}}/devices"
_ONE = f"{V2}/users/{{user_id}}/devices/{{device_id}}"


class NewDevice(msgspec.Struct):
    """A device to be made."""

    device_id: str
    display_name: str | None = None


class NameBody(msgspec.Struct):
    """The name of a device."""

    display_name: str | None = None


class SomeDevices(msgspec.Struct):
    """Devices by their IDs."""

    devices: list[str]


def _shown(device: DeviceRow, user_id: str) -> dict[str, Any]:
    seen = last_seen.latest(device.nid, device.user_nid)
    return {
        "device_id": device.device_id,
        "display_name": device.display_name,
        "user_id": user_id,
        "last_seen_ip": seen.ip if seen else device.last_seen_ip,
        "last_seen_ts": seen.ts if seen else device.last_seen_ts,
        "last_seen_user_agent": seen.user_agent if seen else device.last_seen_user_agent,
        "dehydrated": device.hidden,
    }


@endpoint("GET", _ALL, auth=Auth.ADMIN)
def list_devices(request: Request) -> dict[str, Any]:
    """The devices of a user."""
    account = account_in_path(request)
    found = [_shown(device, account.user_id) for device in devices.of_user(account.user_nid)]
    return {"devices": found, "total": len(found)}


@endpoint("POST", _ALL, auth=Auth.ADMIN, body=NewDevice, rate="write")
def make_device(request: Request) -> Json:
    """Make a device that nobody is signed in on."""
    body = request.decode(NewDevice)
    administer_account.add_device(
        actor_of(request), request.path["user_id"], body.device_id, body.display_name
    )
    return Json({}, status=201)


@endpoint("GET", _ONE, auth=Auth.ADMIN)
def get_device(request: Request) -> dict[str, Any]:
    """A device of a user."""
    account = account_in_path(request)
    device = devices.find(account.user_nid, request.path["device_id"])
    if device is None:
        raise NotFound("The user has no such device")
    return _shown(device, account.user_id)


@endpoint("PUT", _ONE, auth=Auth.ADMIN, body=NameBody, rate="write")
def rename_device(request: Request) -> dict[str, Any]:
    """Give a device another name."""
    body = request.decode(NameBody, empty_allowed=True)
    if body.display_name is not None:
        path = request.path
        administer_account.rename_device(
            actor_of(request), path["user_id"], path["device_id"], body.display_name
        )
    return {}


@endpoint("DELETE", _ONE, auth=Auth.ADMIN, rate="write")
def delete_device(request: Request) -> dict[str, Any]:
    """Sign a device out."""
    path = request.path
    administer_account.remove_devices(actor_of(request), path["user_id"], [path["device_id"]])
    return {}


@endpoint("POST", f"{V2}/users/{{user_id}}/delete_devices", auth=Auth.ADMIN, body=SomeDevices, rate="write")
def delete_some_devices(request: Request) -> dict[str, Any]:
    """Sign some devices out."""
    chosen = request.decode(SomeDevices).devices
    administer_account.remove_devices(actor_of(request), request.path["user_id"], chosen)
    return {}
