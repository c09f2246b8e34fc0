"""What people are shown of an app that wants to sign in as them."""

from __future__ import annotations

from typing import Any

from admin_ui.visit import Visit
from matrix_app.protocol.oauth.scope import Scope
from matrix_app.services.oauth.clients import Client
from matrix_app.storage import devices


def shown_app(visit: Visit, client: Client, scope: Scope) -> dict[str, Any]:
    """Its names, and the device that it would be: a new one, or one that is signed in already."""
    return {
        "app": client.metadata,
        "device_id": scope.device_id,
        "known": devices.find(visit.session.user_nid, scope.device_id),
    }
