"""Making one's own account on a page, by the server's rules for registration.

What the server asks for are the stages of the client-server API, and a session of these keeps what somebody
has done until a mail address is confirmed. Its ID is known to the browser alone.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from appliance.config import get_config
from appliance.secrets import django_secret_key
from matrix_app.protocol.errors import Forbidden, MatrixError, MissingParam, NotFound
from matrix_app.protocol.ids import parse_text
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.services.passwords import check_policy, hash_password
from matrix_app.services.public_address import public_baseurl
from matrix_app.services.register import Registration, check_open, check_username, make_registered
from matrix_app.services.threepids.validation import Purpose, request_validation, validated_session
from matrix_app.services.uia import sessions
from matrix_app.services.uia.abilities import registration_flows
from matrix_app.services.uia.operation import Flow, Operation
from matrix_app.services.uia.stages import (
    EMAIL,
    PAGE_REGISTRATION,
    RECAPTCHA,
    REGISTRATION_TOKEN,
    StageFailedError,
    check_stage,
)
from matrix_app.storage import db, threepid_sessions, threepids, uia_sessions
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.uia_sessions import UiaSession

# The page that waits for the mail, to which the link in it leads back.
MAIL_PAGE: Final = "/account/register/mail/"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody fills in who has agreed to the terms; `onwards` is the page where they go on."""

    localpart: str
    password: str
    onwards: str
    token: str = ""
    captcha: str = ""
    address: str = ""


class Waiting(msgspec.Struct):
    """What is remembered of somebody beside their registration."""

    onwards: str
    address: str = ""


def begin(wanted: Wanted, actor: Actor) -> str:
    """Take all that is asked for but a confirmed mail address, to which a mail is sent; the session's ID.

    Raises `Forbidden` where nobody may or the invitation cannot be used, `Unauthorized` for a captcha that
    was not solved, `WeakPassword`, `InvalidUsername`, `UserInUse`, `Exclusive`, and as `request_validation`.
    """
    check_open()
    flow = _flow(with_mail=bool(wanted.address))
    check_policy(wanted.password)
    check_username(wanted.localpart)
    session = sessions.begin(Operation(PAGE_REGISTRATION, "make an account", (flow,), params=_params(wanted)))
    given = {"response": wanted.captcha, "token": wanted.token}
    try:
        for stage in flow:
            if stage != EMAIL:
                session = _take(session, stage, given, actor.ip or "")
        if wanted.address:
            _send_mail(session.session_id, wanted.address)
    except MatrixError:
        give_up(session.session_id)
        raise
    return session.session_id


def _flow(*, with_mail: bool) -> Flow:
    for flow in registration_flows():
        if (EMAIL in flow) is with_mail:
            return flow
    if with_mail:
        raise Forbidden("This server does not send mail")
    raise MissingParam("This server asks for a mail address")


def _params(wanted: Wanted) -> dict[str, Any]:
    registration = Registration(username=wanted.localpart, password_hash=hash_password(wanted.password))
    waiting = Waiting(wanted.onwards, threepids.canonical("email", wanted.address))
    return {**msgspec.to_builtins(registration), **msgspec.to_builtins(waiting)}


def _take(session: UiaSession, stage: str, given: dict[str, Any], ip: str) -> UiaSession:
    try:
        result = check_stage(stage, session, given, ip)
    except StageFailedError as failure:
        if stage == REGISTRATION_TOKEN:
            raise Forbidden("This invitation has been used or has expired") from failure
        raise failure.error from failure
    return sessions.note(session, stage, result)


def _send_mail(session_id: str, address: str) -> None:
    back = f"{public_baseurl()}{MAIL_PAGE}"
    request_validation(Purpose.REGISTER, address, _secret(session_id), now_ms(), back)


def _secret(session_id: str) -> str:
    """The secret of a validation, which stands in the link of the mail: so it is not the session's ID."""
    message = f"page registration {session_id}".encode()
    return hmac.new(django_secret_key().encode(), message, hashlib.sha256).hexdigest()


def asks_captcha() -> bool:
    """Whether whoever registers has to solve a captcha."""
    return any(RECAPTCHA in flow for flow in registration_flows())


def find(session_id: str) -> Waiting | None:
    """What somebody waits for who has begun; None for a session that is over."""
    session = _session(session_id)
    return None if session is None else msgspec.convert(session.request["params"], Waiting)


def _session(session_id: str) -> UiaSession | None:
    session = sessions.find(session_id)
    return session if session is not None and session.endpoint == PAGE_REGISTRATION else None


def _required(session_id: str) -> UiaSession:
    session = _session(session_id)
    if session is None:
        raise NotFound("It has taken too long, or is done: begin again")
    return session


def is_confirmed(session_id: str, waiting: Waiting) -> bool:
    """Whether the link in the mail has been followed."""
    return _confirmed_sid(session_id, waiting.address) is not None


def _confirmed_sid(session_id: str, address: str) -> str | None:
    secret = _secret(parse_text(session_id))
    known = threepid_sessions.find_for("email", address, secret, Purpose.REGISTER)
    if known is None or validated_session(known.sid, secret, Purpose.REGISTER) is None:
        return None
    return known.sid


def send_again(session_id: str, address: str) -> None:
    """Send another mail, to another address where one is given. Raises as `request_validation`."""
    session = _required(session_id)
    address = threepids.canonical("email", address)
    _send_mail(session_id, address)
    request = {**session.request, "params": {**session.request["params"], "address": address}}
    with db.write():
        uia_sessions.set_request(session_id, request)


def finish(session_id: str, actor: Actor) -> Account:
    """Make the account of a session of which nothing is left to be done.

    Raises `NotFound` for one that is over, `Unauthorized` while the mail address is not confirmed, and what
    others may have taken meanwhile: `UserInUse` or `ThreepidInUse`.
    """
    session = _required(session_id)
    wanted = msgspec.convert(session.request["params"], Registration)
    if any(EMAIL in flow for flow in session.request["flows"]):
        session = _take(session, EMAIL, _creds(session), actor.ip or "")
    token = session.completed.get(REGISTRATION_TOKEN)
    with db.write():
        account = make_registered(wanted, session.completed)
        sessions.forget(session_id)
        if token is None:
            audit.record(actor, "user.register", account.user_id)
        else:
            audit.record(actor, "user.join", account.user_id, token=token)
    return account


def _creds(session: UiaSession) -> dict[str, Any]:
    sid = _confirmed_sid(session.session_id, session.request["params"]["address"])
    return {"threepid_creds": {"sid": sid or "", "client_secret": _secret(session.session_id)}}


def give_up(session_id: str) -> None:
    """End a session that leads to nothing: an invitation that it holds is free again."""
    if _session(session_id) is not None:
        sessions.give_up(session_id)


def asks_mail() -> bool | None:
    """Whether a mail address must be given (True), may be (False), or cannot be (None)."""
    if get_config().registration.require_email:
        return True
    return False if any(EMAIL in flow for flow in registration_flows()) else None
