"""Validating mail addresses: a mail with a link, and what the link does."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from enum import StrEnum
from urllib.parse import urlencode, urlsplit

from appliance.secrets import django_secret_key
from matrix_app.http.rate_limit import take
from matrix_app.protocol.errors import (
    BadRequest,
    InvalidParam,
    NotFound,
    ThreepidInUse,
    ThreepidMediumNotSupported,
    ThreepidNotFound,
)
from matrix_app.protocol.ids import parse_text
from matrix_app.services import mail
from matrix_app.services.access_tokens import hash_token
from matrix_app.services.background import run_later
from matrix_app.services.public_address import public_baseurl
from matrix_app.services.templates import render
from matrix_app.storage import db, threepid_sessions, threepids
from matrix_app.storage.clock import now_ms
from matrix_app.storage.threepid_sessions import ThreePidSession

LIFETIME_MS = 24 * 3600 * 1000
LONGEST_LINK = 4096
CONFIRM_PATH = "/_matrix/client/unstable/hearth/email/submit_token"

_CLIENT_SECRET = re.compile(r"[0-9a-zA-Z.=_-]{1,255}")


class Purpose(StrEnum):
    """What an address is validated for; a session serves nothing else."""

    REGISTER = "register"
    PASSWORD = "password"  # noqa: S105
    ADD = "add"
    # Somebody registers with the address of an account: its owner is told, and nothing can be validated.
    TAKEN = "taken"


def request_validation(
    purpose: Purpose, address: str, client_secret: str, send_attempt: int, next_link: str | None
) -> str:
    """Have a mail sent that proves to come from the owner of an address; the ID of the session.

    A `send_attempt` that is not greater than the last one sends nothing. Raises `ThreepidInUse`,
    `ThreepidNotFound`, `ThreepidMediumNotSupported` where this server sends no mail, or `InvalidParam`.
    """
    if not mail.is_configured():
        raise ThreepidMediumNotSupported("This server does not send mail")
    _check(address, client_secret, send_attempt, next_link)
    address = threepids.canonical("email", address)
    purpose = _check_owner(purpose, address)
    known = threepid_sessions.find_for("email", address, client_secret, purpose)
    if known is not None and not is_expired(known):
        if send_attempt > known.send_attempt:
            take("email", address)
            _send_again(known, send_attempt, next_link)
        return known.sid
    take("email", address)
    return _begin(purpose, address, client_secret, send_attempt, next_link)


def _check(address: str, client_secret: str, send_attempt: int, next_link: str | None) -> None:
    if not mail.is_address(address):
        raise InvalidParam("Not a mail address")
    if not _CLIENT_SECRET.fullmatch(client_secret):
        raise InvalidParam("client_secret may have 1 to 255 of the characters 0-9 a-z A-Z . = _ - only")
    if not 0 <= send_attempt < 1 << 62:
        raise InvalidParam("send_attempt is out of range")
    if next_link is not None and not _leads_to_the_web(next_link):
        raise InvalidParam("next_link must be an address of the web")


def _leads_to_the_web(address: str) -> bool:
    # Spaces and control characters would end the header that sends a browser there.
    if len(address) > LONGEST_LINK or any(char.isspace() or not char.isprintable() for char in address):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _check_owner(purpose: Purpose, address: str) -> Purpose:
    taken = threepids.owner_of("email", address) is not None
    if purpose is Purpose.PASSWORD and not taken:
        raise ThreepidNotFound("No account has this mail address")
    if purpose is Purpose.ADD and taken:
        raise ThreepidInUse("The mail address belongs to an account already")
    # It is recommended to mail the owner instead of telling just anybody that the address has an account.
    return Purpose.TAKEN if purpose is Purpose.REGISTER and taken else purpose


def _begin(
    purpose: Purpose, address: str, client_secret: str, send_attempt: int, next_link: str | None
) -> str:
    sid = secrets.token_urlsafe(18)
    now = now_ms()
    token_hash = hash_token(_token(sid, send_attempt))
    session = ThreePidSession(
        sid, client_secret, "email", address, purpose, token_hash, send_attempt, next_link, now, None
    )
    with db.write():
        threepid_sessions.delete_before(now - LIFETIME_MS)
        threepid_sessions.insert(session)
        run_later("send_confirmation", sid)
    return sid


def _send_again(session: ThreePidSession, send_attempt: int, next_link: str | None) -> None:
    with db.write():
        token_hash = hash_token(_token(session.sid, send_attempt))
        threepid_sessions.sent_again(session.sid, token_hash, send_attempt, next_link)
        run_later("send_confirmation", session.sid)


def _token(sid: str, send_attempt: int) -> str:
    """What the mail proves to have arrived. It can be made again, so it need not wait in a queue."""
    message = f"confirm {sid} {send_attempt}".encode()
    return hmac.new(django_secret_key().encode(), message, hashlib.sha256).hexdigest()[:40]


def is_expired(session: ThreePidSession) -> bool:
    """Whether a session was begun too long ago."""
    return session.created_ts < now_ms() - LIFETIME_MS


def send_confirmation(sid: str) -> None:
    """Send the mail of a session: called by the worker. A session that is gone needs none."""
    session = threepid_sessions.find(sid)
    if session is None or session.validated_ts is not None:
        return
    token = _token(sid, session.send_attempt)
    query = urlencode({"token": token, "client_secret": session.client_secret, "sid": sid})
    values = {
        "address": session.address,
        "link": f"{public_baseurl()}{CONFIRM_PATH}?{query}",
        "sender": mail.sender_name(),
    }
    subject = render(f"mail/{session.purpose}_subject.txt", **values).strip()
    text, html = (render(f"mail/{session.purpose}.{kind}", **values) for kind in ("txt", "html"))
    mail.send(session.address, subject, text, html)


def find_session(sid: str, client_secret: str, token: str) -> ThreePidSession:
    """The session that a link belongs to; raises `BadRequest` for a wrong or an old link."""
    session = threepid_sessions.find(parse_text(sid))
    if session is None or not hmac.compare_digest(session.client_secret.encode(), client_secret.encode()):
        raise NotFound("There is no such validation session", errcode="M_NO_VALID_SESSION")
    if is_expired(session):
        raise BadRequest("The link is too old: ask for another mail", errcode="M_SESSION_EXPIRED")
    right = hmac.compare_digest(bytes(session.token_hash), hash_token(token))
    if not right or session.purpose == Purpose.TAKEN:
        raise BadRequest("The link is not the one of the latest mail", errcode="M_TOKEN_INCORRECT")
    return session


def confirm(session: ThreePidSession) -> None:
    """Note that the owner of the address followed the link."""
    if session.validated_ts is None:
        with db.write():
            threepid_sessions.validated(session.sid, now_ms())


def validated_session(sid: str, client_secret: str, purpose: str) -> ThreePidSession | None:
    """A session whose address has been validated for a purpose; None while it has not."""
    session = threepid_sessions.find(parse_text(sid))
    if session is None or session.validated_ts is None or session.purpose != purpose or is_expired(session):
        return None
    return session if hmac.compare_digest(session.client_secret.encode(), client_secret.encode()) else None
