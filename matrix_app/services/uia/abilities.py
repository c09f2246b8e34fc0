"""The flows that an account, or somebody without one, can complete."""

from __future__ import annotations

from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden
from matrix_app.services.uia.operation import Flow
from matrix_app.services.uia.stages import DUMMY, EMAIL, PASSWORD, RECAPTCHA, REGISTRATION_TOKEN, SSO, TERMS
from matrix_app.storage import accounts


def flows_of(user_nid: int) -> tuple[Flow, ...]:
    """How a signed-in user proves who they are; raises `Forbidden` when there is no way."""
    flows = _flows(user_nid)
    if not flows:
        raise Forbidden("The account has no password: ask the server's administrator to set one")
    return flows


def is_able(user_nid: int) -> bool:
    """Whether there is a way in which a signed-in user proves who they are."""
    return bool(_flows(user_nid))


def _flows(user_nid: int) -> tuple[Flow, ...]:
    account = accounts.get(user_nid)
    flows: list[Flow] = []
    if account is not None and account.password_hash is not None:
        flows.append((PASSWORD,))
    if get_config().cas.server_url:
        flows.append((SSO,))
    return tuple(flows)


def registration_flows() -> tuple[Flow, ...]:
    """What somebody must do for an account, by the configuration."""
    config = get_config()
    first: Flow = ()
    if config.captcha.required:
        first += (RECAPTCHA,)
    if config.registration.terms.version:
        first += (TERMS,)
    if config.registration.mode == "token":
        first += (REGISTRATION_TOKEN,)
    with_email = (*first, EMAIL)
    if config.registration.require_email:
        return (with_email,)
    if config.mail.host:
        # Without the dummy stage one flow would be the beginning of the other.
        return ((*first, DUMMY), with_email)
    return (first or (DUMMY,),)
