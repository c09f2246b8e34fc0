"""Device management (data/api/client-server/device_management.yaml)."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.rate_limit import check_rate
from matrix_app.http.request import Request, to_struct
from matrix_app.http.response import Json
from matrix_app.http.uia import check_body, require_uia
from matrix_app.protocol.errors import NotFound
from matrix_app.protocol.ids import parse_text
from matrix_app.services import last_seen
from matrix_app.services.delete_devices import delete_devices
from matrix_app.services.update_device import make_device, rename_device
from matrix_app.storage import devices
from matrix_app.storage.devices import DeviceRow


class DeviceBody(msgspec.Struct):
    """The body of PUT /devices/{deviceId}."""

    display_name: str | None = None


class DevicesBody(msgspec.Struct):
    """The body of POST /delete_devices."""

    devices: list[str]


def _shown(device: DeviceRow) -> dict[str, Any]:
    seen = last_seen.latest(device.nid, device.user_nid)
    last_ip = device.last_seen_ip if seen is None else seen.ip
    last_ts = device.last_seen_ts if seen is None else seen.ts
    shown = {
        "device_id": device.device_id,
        "display_name": device.display_name,
        "last_seen_ip": last_ip,
        "last_seen_ts": last_ts,
    }
    return {name: value for name, value in shown.items() if value is not None}


@endpoint("GET", "/_matrix/client/v3/devices", guests=True)
def list_devices(request: Request) -> dict[str, Any]:
    """The devices of the user (GET /devices)."""
    found = devices.of_user(request.requester.user_nid)
    return {"devices": [_shown(device) for device in found if not device.hidden]}


def _device(request: Request) -> DeviceRow:
    device = devices.find(request.requester.user_nid, parse_text(request.path["device_id"]))
    if device is None or device.hidden:
        raise NotFound("There is no such device")
    return device


@endpoint("GET", "/_matrix/client/v3/devices/{device_id}", guests=True)
def get_device(request: Request) -> dict[str, Any]:
    """One device of the user (GET /devices/{deviceId})."""
    return _shown(_device(request))


@endpoint("PUT", "/_matrix/client/v3/devices/{device_id}", rate="write", guests=True)
def put_device(request: Request) -> Any:
    """Rename a device; application services may make one by this (PUT /devices/{deviceId})."""
    body = request.decode(DeviceBody)
    requester = request.requester
    known = devices.find(requester.user_nid, parse_text(request.path["device_id"]))
    if known is None and requester.appservice_id is not None:
        check_rate("login", request)
        make_device(requester.user_nid, request.path["device_id"], body.display_name)
        return Json({}, status=201)
    device = _device(request)
    if body.display_name is not None:
        rename_device(device, body.display_name)
    return {}


@endpoint("DELETE", "/_matrix/client/v3/devices/{device_id}", rate="write")
def delete_device(request: Request) -> dict[str, Any]:
    """Remove a device (DELETE /devices/{deviceId})."""
    if request.requester.appservice_id is None:
        require_uia(request, action="sign out a device")
    delete_devices(request.requester.user_nid, [request.path["device_id"]])
    return {}


@endpoint("POST", "/_matrix/client/v3/delete_devices", rate="write")
def delete_several_devices(request: Request) -> dict[str, Any]:
    """Remove several devices (POST /delete_devices)."""
    if request.requester.appservice_id is None:
        check_body(request, DevicesBody)
        done = require_uia(request, action="sign out devices")
        body = to_struct(done.params, DevicesBody)
    else:
        body = request.decode(DevicesBody)
    delete_devices(request.requester.user_nid, body.devices)
    return {}
