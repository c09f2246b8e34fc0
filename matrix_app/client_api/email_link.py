"""What the links in mails lead to, and the same for programs ("submit_url")."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpResponse
from django.utils.encoding import iri_to_uri

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.page import error_page, page
from matrix_app.http.request import Request
from matrix_app.protocol.errors import MatrixError, MissingParam
from matrix_app.services.threepids.validation import CONFIRM_PATH, Purpose, confirm, find_session
from matrix_app.storage.threepid_sessions import ThreePidSession

_FORM = "application/x-www-form-urlencoded"


class Submission(msgspec.Struct):
    """What a link holds."""

    sid: str
    client_secret: str
    token: str


@endpoint("GET", CONFIRM_PATH, auth=Auth.NONE, rate="login")
def follow_link(request: Request) -> HttpResponse:
    """Confirm an address; a new password needs a click more, as mail scanners follow links too."""
    try:
        given = _of_query(request)
        session = find_session(given.sid, given.client_secret, given.token)
    except MatrixError as error:
        return error_page(error)
    if session.purpose == Purpose.PASSWORD and session.validated_ts is None:
        return page(
            "confirm_password",
            title="Allow a new password?",
            address=session.address,
            **msgspec.to_builtins(given),
        )
    confirm(session)
    if session.next_link is not None:
        return HttpResponse(status=302, headers={"Location": iri_to_uri(session.next_link)})
    return _thanks(session)


def _of_query(request: Request) -> Submission:
    return Submission(
        sid=request.required_query("sid"),
        client_secret=request.required_query("client_secret"),
        token=request.required_query("token"),
    )


@endpoint("POST", CONFIRM_PATH, auth=Auth.NONE, rate="login")
def submit_token(request: Request) -> Any:
    """Confirm an address: by the page's form, or by a program with JSON."""
    if request.http.content_type != _FORM:
        given = request.decode(Submission)
        confirm(find_session(given.sid, given.client_secret, given.token))
        return {"success": True}
    try:
        given = _of_form(request)
        session = find_session(given.sid, given.client_secret, given.token)
    except MatrixError as error:
        return error_page(error)
    confirm(session)
    return _thanks(session)


def _of_form(request: Request) -> Submission:
    form = request.form()
    if not all(name in form for name in ("sid", "client_secret", "token")):
        raise MissingParam("The form is not whole")
    return Submission(sid=form["sid"], client_secret=form["client_secret"], token=form["token"])


def _thanks(session: ThreePidSession) -> HttpResponse:
    return page(
        "message",
        title="Thank you",
        text=f"The address {session.address} is confirmed. Go back to your app to continue.",
    )
