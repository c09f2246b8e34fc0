"""The stages ("Authentication types"): what each checks, and what clients must know for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden, MatrixError, MissingParam, Unauthorized
from matrix_app.protocol.ids import parse_text
from matrix_app.services.check_password import check_password
from matrix_app.services.cross_signing_reset import may_reset
from matrix_app.services.find_account import find_account, identifier_of
from matrix_app.services.oauth.server_metadata import reset_address
from matrix_app.services.threepids.validation import Purpose, validated_session
from matrix_app.storage import db, registration_tokens
from matrix_app.storage.clock import now_ms
from matrix_app.storage.uia_sessions import UiaSession

DUMMY = "m.login.dummy"
PASSWORD = "m.login.password"  # noqa: S105
EMAIL = "m.login.email.identity"
RECAPTCHA = "m.login.recaptcha"
TERMS = "m.login.terms"
REGISTRATION_TOKEN = "m.login.registration_token"  # noqa: S105
SSO = "m.login.sso"
OAUTH = "m.oauth"
# As clients from before version 1.17 know it.
OLD_OAUTH = "org.matrix.cross_signing_reset"
OAUTH_FLOWS = ((OAUTH,), (OLD_OAUTH,))

# The endpoint of sessions by which somebody registers on a page; no request of a client is this one.
PAGE_REGISTRATION = "page register"

# What an address must have been validated for, by the endpoint that asks for it.
EMAIL_PURPOSES = {
    "POST register": Purpose.REGISTER,
    PAGE_REGISTRATION: Purpose.REGISTER,
    "POST account/password": Purpose.PASSWORD,
}


class StageFailedError(Exception):
    """An attempt on a stage that the client may repeat."""

    def __init__(self, error: MatrixError) -> None:
        super().__init__(error.message)
        self.error = error


def check_stage(stage: str, session: UiaSession, auth: dict[str, Any], ip: str) -> Any:
    """Check one attempt on a stage; what the stage found. Raises `StageFailedError`."""
    check = _CHECKS.get(stage)
    if check is None:
        raise StageFailedError(MatrixError("Unknown authentication type", errcode="M_UNRECOGNIZED"))
    return check(session, auth, ip)


def stage_params(stages: Iterable[str]) -> dict[str, Any]:
    """What clients must know for the stages ("params" of the 401)."""
    config = get_config()
    params: dict[str, Any] = {}
    if RECAPTCHA in stages:
        params[RECAPTCHA] = {"public_key": config.captcha.public_key}
    if TERMS in stages:
        terms = config.registration.terms
        policy = {"version": terms.version, "en": {"name": terms.name, "url": terms.url}}
        params[TERMS] = {"policies": {"terms_of_service": policy}}
    if OAUTH in stages:
        params |= {stage: {"url": reset_address()} for stage in (OAUTH, OLD_OAUTH)}
    return params


def _dummy(session: UiaSession, auth: dict[str, Any], ip: str) -> bool:
    return True


def _password(session: UiaSession, auth: dict[str, Any], ip: str) -> str:
    password = _text(auth, "password")
    account = find_account(identifier_of(auth))
    if not check_password(account, password, ip) or account is None:
        raise StageFailedError(Forbidden("Invalid user name or password"))
    if account.user_nid != session.user_nid:
        raise Forbidden("This is another user's password")
    return account.user_id


def _email(session: UiaSession, auth: dict[str, Any], ip: str) -> dict[str, Any]:
    # Clients from before version 1.1 say threepidCreds.
    creds = auth.get("threepid_creds", auth.get("threepidCreds"))
    if not isinstance(creds, dict):
        raise MissingParam("Missing threepid_creds")
    purpose = EMAIL_PURPOSES.get(session.endpoint, "")
    found = validated_session(_text(creds, "sid"), _text(creds, "client_secret"), purpose)
    if found is None:
        raise StageFailedError(Unauthorized("The mail address has not been confirmed"))
    return {
        "medium": found.medium,
        "address": found.address,
        "validated_ts": found.validated_ts,
        "sid": found.sid,
    }


def _recaptcha(session: UiaSession, auth: dict[str, Any], ip: str) -> bool:
    from matrix_app.services.captcha import is_solved

    if not is_solved(_text(auth, "response"), ip):
        raise StageFailedError(Unauthorized("The captcha was not solved", errcode="M_CAPTCHA_INVALID"))
    return True


def _terms(session: UiaSession, auth: dict[str, Any], ip: str) -> str:
    return get_config().registration.terms.version


def _registration_token(session: UiaSession, auth: dict[str, Any], ip: str) -> str:
    token = _text(auth, "token")
    with db.write():
        begun = registration_tokens.begin_use(token, now_ms())
    if not begun:
        raise StageFailedError(Unauthorized("Invalid registration token"))
    return token


def _sso(session: UiaSession, auth: dict[str, Any], ip: str) -> Any:
    raise StageFailedError(Unauthorized("Sign in on the fallback page first"))


def _oauth(session: UiaSession, auth: dict[str, Any], ip: str) -> bool:
    if session.user_nid is None or not may_reset(session.user_nid):
        raise StageFailedError(Unauthorized("Approve it on the pages of your account first"))
    return True


_CHECKS: dict[str, Callable[[UiaSession, dict[str, Any], str], Any]] = {
    DUMMY: _dummy,
    PASSWORD: _password,
    EMAIL: _email,
    RECAPTCHA: _recaptcha,
    TERMS: _terms,
    REGISTRATION_TOKEN: _registration_token,
    SSO: _sso,
    OAUTH: _oauth,
    OLD_OAUTH: _oauth,
}


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str):
        raise MissingParam(f"Missing {name}")
    return parse_text(value)
