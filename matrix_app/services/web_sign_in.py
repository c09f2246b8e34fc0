"""Signing in to the pages: sessions of browsers, their second factor, and confirmation for what is dangerous.

There are two areas: `admin`, for administrators, and `account`, for everybody's own account.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.protocol.errors import Forbidden, UnknownToken
from matrix_app.services import audit, log_in, second_factor
from matrix_app.services.access_tokens import hash_token, new_token
from matrix_app.services.audit import Actor
from matrix_app.services.check_password import check_password
from matrix_app.storage import accounts, db, web_sessions
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.web_sessions import WebSessionRow

ADMIN: Final = "admin"
ACCOUNT: Final = "account"

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
# How long a session lasts that nobody uses, and how long at most.
IDLE_MS: Final = {ADMIN: 12 * _HOUR_MS, ACCOUNT: 24 * _HOUR_MS}
LONGEST_MS: Final = {ADMIN: 7 * 24 * _HOUR_MS, ACCOUNT: 30 * 24 * _HOUR_MS}
# How long after the password was given dangerous actions need no other.
CONFIRMED_MS: Final = 15 * _MINUTE_MS
# How long somebody may look for their phone.
PENDING_MS: Final = 10 * _MINUTE_MS
# How exactly it is known when a session was last used.
_TOUCH_MS: Final = 5 * _MINUTE_MS


class SignedIn(NamedTuple):
    """A new session: the token for the cookie, and whether the second factor is still to come."""

    token: str
    second_factor_pending: bool


def sign_in(area: str, name: str, password: str, ip: str, agent: str) -> SignedIn:
    """Sign in with a password; raises `Forbidden`, `UserDeactivated`, `UserLocked` or `LimitExceeded`."""
    account = log_in.by_password({"type": "m.id.user", "user": name}, password, ip)
    _check_area(area, account)
    return open_session(area, account, ip, agent)


def open_session(area: str, account: Account, ip: str, agent: str, *, proved: bool = False) -> SignedIn:
    """A session of somebody who has given their password; `proved` when nothing more has to be asked."""
    _check_area(area, account)
    pending = not proved and second_factor.has_second_factor(account.user_nid)
    token, now = new_token("hw"), now_ms()
    with db.write():
        nid = web_sessions.put(
            hash_token(token), area, account.user_nid, now, pending=pending, ip=ip, agent=agent[:300]
        )
        if not pending:
            web_sessions.confirm(nid, now + CONFIRMED_MS)
            audit.record(Actor(account.user_nid, "page", ip), "session.start", account.user_id, area=area)
    return SignedIn(token, pending)


def _check_area(area: str, account: Account) -> None:
    if area == ADMIN and not account.is_admin:
        raise Forbidden("These pages are for administrators of this server")
    if account.is_guest or account.appservice_id is not None:
        raise Forbidden("This account has no pages")


def find_session(area: str, token: str, ip: str) -> WebSessionRow | None:
    """The session of a cookie, or None when it is over or its user may not use the area any more."""
    found = web_sessions.find(hash_token(token), area)
    if found is None or not _is_valid(found):
        return None
    now = now_ms()
    if now - found.last_used_ts > _TOUCH_MS or ip != found.ip:
        with db.write():
            web_sessions.touch(found.nid, now, ip)
    return found


def _is_valid(session: WebSessionRow) -> bool:
    now = now_ms()
    if session.second_factor_pending and now - session.created_ts > PENDING_MS:
        return False
    if session.deactivated_ts is not None or session.locked_ts is not None or session.is_guest:
        return False
    if session.area == ADMIN and not session.is_admin:
        return False
    idle, age = now - session.last_used_ts, now - session.created_ts
    return idle < IDLE_MS[session.area] and age < LONGEST_MS[session.area]


def give_second_factor(session: WebSessionRow, code: str) -> str:
    """Complete a session with a code; its new token. Raises `Forbidden` or `LimitExceeded`."""
    if not second_factor.check_code(session.user_nid, code):
        raise Forbidden("The code is not right")
    return complete(session)


def complete(session: WebSessionRow) -> str:
    """Let a session in whose second factor was proved; its new token."""
    token = new_token("hw")
    with db.write():
        web_sessions.replace_token(session.nid, hash_token(token))
        web_sessions.confirm(session.nid, now_ms() + CONFIRMED_MS)
        actor = Actor(session.user_nid, "page", session.ip)
        audit.record(actor, "session.start", session.user_id, area=session.area)
    return token


def is_confirmed(session: WebSessionRow) -> bool:
    """Whether the password was given lately enough for what is dangerous."""
    return session.confirmed_until_ts is not None and session.confirmed_until_ts > now_ms()


def confirm(session: WebSessionRow, password: str, ip: str) -> str:
    """Give the password again; the session's new token. Raises `Forbidden` or `LimitExceeded`."""
    account = accounts.get(session.user_nid)
    if account is None or not check_password(account, password, ip):
        raise Forbidden("That is not your password")
    token = new_token("hw")
    with db.write():
        web_sessions.replace_token(session.nid, hash_token(token))
        web_sessions.confirm(session.nid, now_ms() + CONFIRMED_MS)
    return token


def sign_out(session: WebSessionRow) -> None:
    """End a session."""
    with db.write():
        web_sessions.end(session.nid, session.user_nid)


def end_session(nid: int, user_nid: int, actor: Actor) -> None:
    """End another session of a user; raises `UnknownToken` when it is over."""
    with db.write():
        if not web_sessions.end(nid, user_nid):
            raise UnknownToken("The session is over already")
        audit.record(actor, "session.end", str(nid))
