"""Mail addresses that users add and remove on the page of their account, as clients do by the API.

The secret of a validation is made of the user and the address: so the page need not keep one, and a
validation that was begun for one user or address serves no other.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import quote

from appliance.secrets import django_secret_key
from matrix_app.http.rate_limit import take
from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import MatrixError, ThreepidAuthFailed
from matrix_app.services import audit
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.audit import Actor
from matrix_app.services.public_address import public_baseurl
from matrix_app.services.threepids import changes, identity_server
from matrix_app.services.threepids.validation import Purpose, request_validation, validated_session
from matrix_app.storage import db, threepid_bindings, threepid_sessions, threepids
from matrix_app.storage.clock import now_ms


def page_of(address: str) -> str:
    """The page of this server that shows what is left to be done for an address."""
    return f"/account/profile/?address={quote(address)}"


def ask(actor: Actor, requester: Requester, address: str) -> str:
    """Have a mail sent that proves an address to be the user's; the address as it is stored.

    Each call sends one, as often as the limits allow. Raises as `request_validation`.
    """
    refuse_suspended(requester)
    take("email", requester.user_id)
    address = threepids.canonical("email", address)
    back = f"{public_baseurl()}{page_of(address)}"
    secret = _secret(requester.user_nid, address)
    request_validation(Purpose.ADD, address, secret, now_ms(), back)
    audit.record(actor, "account.ask_address", requester.user_id, address=address)
    return address


def is_confirmed(user_nid: int, address: str) -> bool:
    """Whether the user followed the link in the mail to an address that they have not added yet."""
    try:
        _confirmed_sid(user_nid, address)
    except ThreepidAuthFailed:
        return False
    return True


def add(actor: Actor, requester: Requester, address: str) -> None:
    """Add an address whose link was followed; raises `ThreepidAuthFailed` or `ThreepidInUse`."""
    refuse_suspended(requester)
    user_nid = requester.user_nid
    sid = _confirmed_sid(user_nid, address)
    with db.write():
        session = changes.find_validated(sid, _secret(user_nid, address))
        changes.add_threepid(user_nid, session)
        audit.record(actor, "account.add_address", requester.user_id, address=session.address)


def remove(actor: Actor, requester: Requester, address: str) -> bool:
    """Remove an address, and unbind it where it was bound; False when an identity server still knows it."""
    refuse_suspended(requester)
    user_nid = requester.user_nid
    with db.write():
        changes.remove_threepid(user_nid, "email", address)
        audit.record(actor, "account.remove_address", requester.user_id, address=address)
    if not threepid_bindings.servers_of(user_nid, "email", address):
        return True
    try:
        return identity_server.unbind(requester.user_id, user_nid, "email", address, None)
    except MatrixError:
        # The address is gone from here, whatever an identity server says.
        return False


def _confirmed_sid(user_nid: int, address: str) -> str:
    address, secret = threepids.canonical("email", address), _secret(user_nid, address)
    known = threepid_sessions.find_for("email", address, secret, Purpose.ADD)
    if known is None or validated_session(known.sid, secret, Purpose.ADD) is None:
        raise ThreepidAuthFailed("The address has not been confirmed")
    return known.sid


def _secret(user_nid: int, address: str) -> str:
    message = f"own address {user_nid} {threepids.canonical('email', address)}".encode()
    return hmac.new(django_secret_key().encode(), message, hashlib.sha256).hexdigest()
