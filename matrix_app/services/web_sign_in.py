"""Signing in to the pages: sessions of browsers, their second factor, and confirmation for what is dangerous.

There are two areas: `admin`, for administrators, and `account`, for everybody's own account.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.protocol.errors import Forbidden, UnknownToken
from matrix_app.services import audit, connection_history, log_in, passkey_proof, second_factor
from matrix_app.services.access_tokens import hash_token, new_token
from matrix_app.services.audit import Actor
from matrix_app.services.check_password import check_password
from matrix_app.services.passkey_challenges import Purpose, of_session
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
    return open_session(area, account, ip, agent)


def sign_in_with_passkey(area: str, bound_to: str, answer: str, ip: str, agent: str) -> SignedIn:
    """Sign in with a passkey that has verified its user: neither a password nor more has to be given.

    Raises `Forbidden`, `InvalidParam`, `UserDeactivated`, `UserLocked` or `LimitExceeded`.
    """
    passkey = passkey_proof.prove(Purpose.SIGN_IN, bound_to, answer, ip)
    account = accounts.get(passkey.user_nid)
    if account is None:
        raise Forbidden("This passkey is not known here")
    log_in.check_active(account)
    return open_session(area, account, ip, agent, proved=True, by="passkey")


def open_session(
    area: str, account: Account, ip: str, agent: str, *, proved: bool = False, by: str = "password"
) -> SignedIn:
    """A session of somebody who has shown who they are; `proved` when nothing more has to be asked."""
    _check_area(area, account)
    pending = not proved and second_factor.has_second_factor(account.user_nid)
    token, now = new_token("hw"), now_ms()
    kept_ip, kept_agent = (ip, agent[:300]) if connection_history.is_kept() else ("", "")
    with db.write():
        nid = web_sessions.put(
            hash_token(token), area, account.user_nid, now, pending=pending, ip=kept_ip, agent=kept_agent
        )
        if not pending:
            web_sessions.confirm(nid, now + CONFIRMED_MS)
            actor = Actor(account.user_nid, "page", ip)
            audit.record(actor, "session.start", account.user_id, area=area, by=by)
    return SignedIn(token, pending)


def _check_area(area: str, account: Account) -> None:
    if area == ADMIN and not account.is_admin:
        raise Forbidden("These pages are for administrators of this server")
    if area == ADMIN and account.suspended_ts is not None:
        raise Forbidden("Your account has been suspended")
    if account.is_guest or account.appservice_id is not None:
        raise Forbidden("This account has no pages")


def find_session(area: str, token: str, ip: str) -> WebSessionRow | None:
    """The session of a cookie, or None when it is over or its user may not use the area any more.

    Its address is the one that the user comes from now, whether that is kept or not.
    """
    found = web_sessions.find(hash_token(token), area)
    if found is None or not _is_valid(found):
        return None
    now, kept_ip = now_ms(), ip if connection_history.is_kept() else ""
    if now - found.last_used_ts > _TOUCH_MS or kept_ip != found.ip:
        with db.write():
            web_sessions.touch(found.nid, now, kept_ip)
    return found._replace(ip=ip)


def _is_valid(session: WebSessionRow) -> bool:
    now = now_ms()
    if session.second_factor_pending and now - session.created_ts > PENDING_MS:
        return False
    if session.deactivated_ts is not None or session.locked_ts is not None or session.is_guest:
        return False
    if session.area == ADMIN and (not session.is_admin or session.suspended_ts is not None):
        return False
    idle, age = now - session.last_used_ts, now - session.created_ts
    return idle < IDLE_MS[session.area] and age < LONGEST_MS[session.area]


def give_second_factor(session: WebSessionRow, code: str) -> str:
    """Complete a session with a code; its new token. Raises `Forbidden` or `LimitExceeded`."""
    if not second_factor.check_code(session.user_nid, code):
        raise Forbidden("The code is not right")
    return _elevate(session, "session.start", by="password and code", area=session.area)


def give_passkey(session: WebSessionRow, answer: str, ip: str) -> str:
    """Complete a session with a passkey; its new token.

    Raises `Forbidden`, `InvalidParam` or `LimitExceeded`.
    """
    bound_to = of_session(session)
    passkey_proof.prove(Purpose.SECOND_FACTOR, bound_to, answer, ip, session.user_nid)
    return _elevate(session, "session.start", by="password and passkey", area=session.area)


def _elevate(session: WebSessionRow, action: str, **details: str) -> str:
    """Note what was proved in a session; its new token, as somebody may have known the old one."""
    token = new_token("hw")
    with db.write():
        web_sessions.replace_token(session.nid, hash_token(token))
        web_sessions.confirm(session.nid, now_ms() + CONFIRMED_MS)
        audit.record(Actor(session.user_nid, "page", session.ip), action, session.user_id, **details)
    return token


def is_confirmed(session: WebSessionRow) -> bool:
    """Whether the password was given lately enough for what is dangerous."""
    return session.confirmed_until_ts is not None and session.confirmed_until_ts > now_ms()


def confirm(session: WebSessionRow, password: str, ip: str) -> str:
    """Give the password again; the session's new token. Raises `Forbidden` or `LimitExceeded`."""
    account = accounts.get(session.user_nid)
    if account is None or not check_password(account, password, ip):
        raise Forbidden("That is not your password")
    return _elevate(session, "session.confirm", by="password")


def confirm_with_passkey(session: WebSessionRow, answer: str, ip: str) -> str:
    """Use a passkey that verifies its user in place of the password; the session's new token.

    Raises `Forbidden`, `InvalidParam` or `LimitExceeded`.
    """
    passkey_proof.prove(Purpose.CONFIRM, of_session(session), answer, ip, session.user_nid)
    return _elevate(session, "session.confirm", by="passkey")


def sign_out(session: WebSessionRow) -> None:
    """End a session."""
    with db.write():
        web_sessions.end(session.nid, session.user_nid)
        actor = Actor(session.user_nid, "page", session.ip)
        audit.record(actor, "session.end", session.user_id, area=session.area)


def end_others(session: WebSessionRow, actor: Actor) -> int:
    """End every other session of the user of this one; how many."""
    with db.write():
        ended = web_sessions.end_of_user(session.user_nid, but_nid=session.nid)
        audit.record(actor, "session.end_others", session.user_id, sessions=ended)
    return ended


def end_session(nid: int, user_nid: int, actor: Actor) -> None:
    """End another session of a user; raises `UnknownToken` when it is over."""
    with db.write():
        if not web_sessions.end(nid, user_nid):
            raise UnknownToken("The session is over already")
        audit.record(actor, "session.end", str(nid))
