"""Ending mails by a link in them, without signing in."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final
from urllib.parse import urlencode

from appliance.secrets import django_secret_key
from matrix_app.protocol.errors import NotFound
from matrix_app.services.public_address import public_baseurl
from matrix_app.storage import db, push_queue, pushers
from matrix_app.storage.pushers import PusherRow

PATH: Final = "/_matrix/client/unstable/hearth/email/unsubscribe"


def unsubscribe_url(pusher: PusherRow) -> str:
    """The link that ends the mails of a pusher."""
    return f"{public_baseurl()}{PATH}?{urlencode({'token': f'{pusher.nid}.{_proof(pusher)}'})}"


def _proof(pusher: PusherRow) -> str:
    message = f"unsubscribe {pusher.nid} {pusher.user_nid} {pusher.pushkey}".encode()
    return hmac.new(django_secret_key().encode(), message, hashlib.sha256).hexdigest()[:40]


def find_subscription(token: str) -> PusherRow | None:
    """The pusher whose mails a link ends, None if they have ended; raises `NotFound` for a wrong link."""
    number, _, proof = token.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 19 and proof):
        raise NotFound("The link is not whole")
    pusher = pushers.get(int(number))
    if pusher is None or pusher.kind != "email":
        return None
    if not hmac.compare_digest(proof.encode(), _proof(pusher).encode()):
        raise NotFound("The link is not whole")
    return pusher


def unsubscribe(token: str) -> None:
    """End the mails; doing it again changes nothing. Raises `NotFound` for a wrong link."""
    pusher = find_subscription(token)
    if pusher is not None:
        with db.write():
            pushers.delete_one(pusher.nid)
            push_queue.remove_orphans()
