"""Dehydrated devices (MSC3814)."""

from __future__ import annotations

from typing import Any

import msgspec
from orjson import Fragment

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services import dehydrated_device
from matrix_app.services.dehydrated_device import MESSAGES_AT_ONCE

_DEVICE = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device"
_EVENTS = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{device_id}/events"


class NewDevice(msgspec.Struct):
    """The body of PUT /dehydrated_device."""

    device_id: str
    device_data: dict[str, Any]
    device_keys: dict[str, Any]
    one_time_keys: dict[str, Any] | None = None
    fallback_keys: dict[str, Any] | None = None
    initial_device_display_name: str | None = None


class EventsBody(msgspec.Struct):
    """The body of POST /dehydrated_device/{device_id}/events."""

    next_batch: str | None = None


@endpoint("PUT", _DEVICE, rate="keys")
def put_device(request: Request) -> dict[str, str]:
    """Store a dehydrated device (PUT /dehydrated_device)."""
    body = request.decode(NewDevice)
    dehydrated_device.put_dehydrated_device(
        request.requester,
        body.device_id,
        body.device_data,
        (body.device_keys, body.one_time_keys or {}, body.fallback_keys or {}),
        body.initial_device_display_name,
    )
    return {"device_id": body.device_id}


@endpoint("GET", _DEVICE, rate="keys")
def get_device(request: Request) -> dict[str, Any]:
    """The dehydrated device (GET /dehydrated_device)."""
    found = dehydrated_device.find_dehydrated_device(request.requester.user_nid)
    return {"device_id": found.device_id, "device_data": Fragment(found.device_data)}


@endpoint("DELETE", _DEVICE, rate="keys")
def delete_device(request: Request) -> dict[str, str]:
    """Remove the dehydrated device (DELETE /dehydrated_device)."""
    return {"device_id": dehydrated_device.delete_dehydrated_device(request.requester.user_nid)}


@endpoint("GET", _EVENTS, rate="keys")
def get_events(request: Request) -> dict[str, Any]:
    """Messages to the dehydrated device (GET /dehydrated_device/{device_id}/events)."""
    limit = request.query_int("limit", MESSAGES_AT_ONCE, minimum=1, maximum=MESSAGES_AT_ONCE)
    found = dehydrated_device.messages_of(
        request.requester.user_nid, request.path["device_id"], request.query("from"), limit
    )
    body: dict[str, Any] = {"events": [Fragment(event) for event in found.events]}
    return {**body, "next_batch": found.next_batch} if found.limited else body


@endpoint("POST", _EVENTS, rate="keys")
def post_events(request: Request) -> dict[str, Any]:
    """The same as in earlier drafts (POST /dehydrated_device/{device_id}/events)."""
    body = request.decode(EventsBody, empty_allowed=True)
    found = dehydrated_device.messages_of(
        request.requester.user_nid, request.path["device_id"], body.next_batch
    )
    return {"events": [Fragment(event) for event in found.events], "next_batch": found.next_batch}
