"""Storing things of a device that somebody may be signing out meanwhile."""

from __future__ import annotations

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import BadRequest, UnknownToken
from matrix_app.storage import devices


def hold_device(requester: Requester) -> None:
    """Keep the requester's device until this write transaction ends: what came later would not go with it.

    Raises `UnknownToken`, or M_UNKNOWN_DEVICE for application services, when it is gone already. Whoever has
    no device is let through.
    """
    if requester.device_nid is None or devices.hold(requester.device_nid):
        return
    if requester.appservice_id is not None:
        raise BadRequest("The user has no such device", errcode="M_UNKNOWN_DEVICE")
    raise UnknownToken("The device has been signed out")
