"""The link in notification mails that ends them."""

from __future__ import annotations

from django.http import HttpResponse

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.page import error_page, page
from matrix_app.http.request import Request
from matrix_app.protocol.errors import MatrixError
from matrix_app.push.unsubscribe import PATH, find_subscription, unsubscribe


@endpoint("GET", PATH, auth=Auth.NONE, rate="login")
def ask(request: Request) -> HttpResponse:
    """Ask whether mails are to end: programs that look into mails follow links too."""
    try:
        token = request.required_query("token")
        pusher = find_subscription(token)
    except MatrixError as error:
        return error_page(error)
    if pusher is None:
        return _ended()
    return page("unsubscribe", title="No more mails?", address=pusher.pushkey, token=token)


@endpoint("POST", PATH, auth=Auth.NONE, rate="login")
def end_mails(request: Request) -> HttpResponse:
    """End them: by the page's form, or at once by a mail program (RFC 8058)."""
    try:
        unsubscribe(request.form().get("token") or request.required_query("token"))
    except MatrixError as error:
        return error_page(error)
    return _ended()


def _ended() -> HttpResponse:
    text = "You get no more mails about missed messages. Your app can switch them on again."
    return page("message", title="Done", text=text)
