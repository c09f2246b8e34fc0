"""Calls: credentials for TURN servers ("Voice over IP"), and where conferences meet (MSC4143)."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

from appliance.config import get_config
from appliance.config.sections.calls import Turn
from appliance.turn_offers import offered_uris
from matrix_app.http.requester import Requester


def turn_credentials(requester: Requester) -> dict[str, Any]:
    """`username`, `password`, `uris` and `ttl` in seconds; empty when there is nothing for the requester."""
    turn = get_config().turn
    uris = offered_uris(turn)
    if not uris or (requester.is_guest and not turn.guests):
        return {}
    username, password = minted_credentials(requester.user_id)
    return {"username": username, "password": password, "uris": uris, "ttl": turn.ttl_seconds}


def minted_credentials(user_id: str) -> tuple[str, str]:
    """A user name and a password at the TURN servers; raises `OSError` for a secret that cannot be read."""
    turn = get_config().turn
    return _fixed(turn) if turn.user else _temporary(turn, user_id)


def _fixed(turn: Turn) -> tuple[str, str]:
    return turn.user, _kept(turn.password_file, turn.password)


def _temporary(turn: Turn, user_id: str) -> tuple[str, str]:
    # As draft-uberti-behave-turn-rest-00 says, which TURN servers follow: SHA-1 is the one they know.
    username = f"{int(time.time()) + turn.ttl_seconds}:{user_id}"
    # What follows in the file is the secret from before a rotation, which only the TURN server still takes.
    secret = _kept(turn.secret_file, turn.secret).partition("\n")[0].encode()
    return username, b64encode(hmac.digest(secret, username.encode(), hashlib.sha1)).decode()


def _kept(file: Path | None, text: str) -> str:
    return text if file is None else file.read_text(encoding="utf-8").strip()


def rtc_transports() -> list[dict[str, Any]]:
    """What conferences can go through, the preferred first; empty when nothing is configured."""
    return [{"type": "livekit", "livekit_service_url": url} for url in get_config().rtc.livekit_service_urls]
