"""The life of sessions: begun, bound to one operation, given up after a while."""

from __future__ import annotations

import itertools
import secrets
from typing import Any

from matrix_app.protocol.errors import BadRequest, Forbidden
from matrix_app.protocol.ids import parse_text
from matrix_app.services.uia.operation import Operation
from matrix_app.storage import db, registration_tokens, uia_sessions
from matrix_app.storage.clock import now_ms
from matrix_app.storage.uia_sessions import UiaSession

LIFETIME_MS = 24 * 3600 * 1000
MOST_SESSIONS = 20_000
TRIM_EVERY = 64

REGISTRATION_TOKEN = "m.login.registration_token"  # noqa: S105
# Not a stage: what the operation led to, for a client that asks again because it missed the answer.
OUTCOME = "outcome"

# Parameters that hold the hash of a password: salted, so that equal passwords look different.
_SALTED = frozenset({"password_hash", "new_password_hash"})

_begun = itertools.count(1)


def begin(operation: Operation) -> UiaSession:
    """A new session for an operation."""
    request = {"params": operation.params, "flows": operation.flows, "action": operation.action}
    session = UiaSession(
        secrets.token_urlsafe(24), operation.endpoint, operation.user_nid, request, {}, now_ms()
    )
    if next(_begun) % TRIM_EVERY == 0:
        remove_old()
    with db.write():
        uia_sessions.insert(session)
    return session


def find(session_id: str) -> UiaSession | None:
    """A session that has not expired, or None."""
    return uia_sessions.find(parse_text(session_id), now_ms() - LIFETIME_MS)


def resume(session_id: str, operation: Operation) -> UiaSession:
    """The session with an ID; raises `BadRequest` for an unknown one, `Forbidden` for another operation's."""
    session = find(session_id)
    if session is None:
        raise BadRequest("Unknown session")
    if session.endpoint != operation.endpoint or session.user_nid != operation.user_nid:
        raise Forbidden("The session authenticates another operation")
    return _with_params(session, operation)


def _with_params(session: UiaSession, operation: Operation) -> UiaSession:
    """A client may repeat the request with nothing but `auth`: what it asked for first is remembered."""
    before = session.request["params"]
    if not operation.params or operation.params == before:
        return session
    if operation.user_nid is not None and before and _comparable(before) != _comparable(operation.params):
        raise Forbidden("The session authenticates another operation")
    request = {**session.request, "params": operation.params}
    with db.write():
        uia_sessions.set_request(session.session_id, request)
    return session._replace(request=request)


def _comparable(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in _SALTED}


def note(session: UiaSession, name: str, result: Any) -> UiaSession:
    """Note a stage as done, or the outcome, on top of what other requests have noted meanwhile."""
    with db.write():
        latest = find(session.session_id) or session
        completed = {**latest.completed, name: result}
        uia_sessions.set_completed(session.session_id, completed)
    return session._replace(completed=completed)


def remove_old() -> int:
    """Remove sessions that have expired or are too many; tokens that they held are free again."""
    with db.write():
        gone = uia_sessions.oldest(now_ms() - LIFETIME_MS, MOST_SESSIONS)
        for session in gone:
            _free_token(session)
        uia_sessions.delete([session.session_id for session in gone])
    return len(gone)


def _free_token(session: UiaSession) -> None:
    token = session.completed.get(REGISTRATION_TOKEN)
    if token is not None and OUTCOME not in session.completed:
        registration_tokens.give_up_use(token)


def give_up(session_id: str) -> None:
    """End a session that has led to nothing; a token that it held is free again."""
    with db.write():
        session = find(session_id)
        if session is not None:
            _free_token(session)
            uia_sessions.delete([session_id])


def forget(session_id: str) -> None:
    """End a session."""
    with db.write():
        uia_sessions.delete([session_id])
