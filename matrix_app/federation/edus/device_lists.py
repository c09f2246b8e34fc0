"""`m.device_list_update` and `m.signing_key_update`: other devices or keys of a user."""

from __future__ import annotations

from typing import Any

from matrix_app.federation.edus.reading import own_user, text
from matrix_app.services.remote_devices import keys_changed


def receive(origin: str, content: dict[str, Any]) -> None:
    """Tell those who share a room with the user; their clients ask for the keys anew."""
    keys_changed(own_user(origin, text(content, "user_id")))
