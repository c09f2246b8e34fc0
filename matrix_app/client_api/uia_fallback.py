"""Stages of authentication as web pages, for clients that cannot do them ("Fallback")."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from appliance.config import get_config
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.page import error_page, page
from matrix_app.http.rate_limit import check_rate
from matrix_app.http.request import Request
from matrix_app.protocol.errors import BadRequest, MatrixError, NotFound
from matrix_app.services import cas
from matrix_app.services.oauth.server_metadata import reset_address
from matrix_app.services.uia import mailed, stages
from matrix_app.services.uia.outside import complete_stage, session_for_stage
from matrix_app.storage import interning
from matrix_app.storage.uia_sessions import UiaSession


@endpoint("GET", "/_matrix/client/v3/auth/{auth_type}/fallback/web", auth=Auth.NONE, rate="login")
def show_stage(request: Request) -> HttpResponse:
    """The page on which a stage is completed."""
    stage = request.path["auth_type"]
    try:
        session = session_for_stage(request.required_query("session"), stage)
        if stage in (stages.OAUTH, stages.OLD_OAUTH):
            return HttpResponse(status=302, headers={"Location": reset_address()})
        return _done() if stage in session.completed else _form(stage, session)
    except MatrixError as error:
        return error_page(error)


@endpoint("POST", "/_matrix/client/v3/auth/{auth_type}/fallback/web", auth=Auth.NONE, rate="login")
def take_stage(request: Request) -> HttpResponse:
    """What the page sends."""
    stage = request.path["auth_type"]
    try:
        session = session_for_stage(request.required_query("session"), stage)
        if stage in session.completed:
            return _done()
        if stage == stages.EMAIL and "sent" not in request.form():
            return _send_mail(request, session)
        failure = complete_stage(session, stage, _given(request, session), request.ip)
        if failure is None:
            return _done()
        return _form(stage, session, failure, address=request.form().get("address", ""))
    except MatrixError as error:
        return error_page(error)


def _send_mail(request: Request, session: UiaSession) -> HttpResponse:
    address = request.form().get("address", "")
    check_rate("email", request)
    try:
        mailed.send_mail(session, address)
    except BadRequest as error:
        return _form(stages.EMAIL, session, error.message)
    return _form(stages.EMAIL, session, address=address)


def _given(request: Request, session: UiaSession) -> dict[str, Any]:
    form = request.form()
    if "address" in form:
        return mailed.credentials(session, form["address"])
    given = {"response": form.get("g-recaptcha-response"), "token": form.get("token")}
    if session.user_nid is not None:
        given["user"] = interning.user_id_of(session.user_nid)
        given["password"] = form.get("password")
    return given


def _done() -> HttpResponse:
    return page("stage_done", title="Thank you")


def _form(stage: str, session: UiaSession, error: str = "", *, address: str = "") -> HttpResponse:
    action = session.request["action"]
    terms = get_config().registration.terms
    if stage == stages.DUMMY:
        return page("stage_dummy", title="Confirm it", error=error, action=action)
    if stage == stages.EMAIL:
        title = "Confirm your mail address"
        return page("stage_email", title=title, error=error, action=action, address=address)
    if stage == stages.TERMS:
        return page("stage_terms", title="Agree to the terms", error=error, name=terms.name, url=terms.url)
    if stage == stages.REGISTRATION_TOKEN:
        return page("stage_token", title="Registration token", error=error)
    if stage == stages.RECAPTCHA:
        key = get_config().captcha.public_key
        return page("stage_recaptcha", title="Are you a person?", error=error, public_key=key, captcha=True)
    if stage == stages.PASSWORD and session.user_nid is not None:
        user_id = interning.user_id_of(session.user_nid)
        return page("stage_password", title="Confirm it is you", error=error, action=action, user_id=user_id)
    if stage == stages.SSO:
        url = cas.sign_in_address(session=session.session_id)
        return page("stage_sso", title="Confirm it is you", error=error, action=action, url=url)
    raise NotFound("There is no page for this step")
