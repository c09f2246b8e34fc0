"""Passkeys in place of a password, beside it, and to confirm: the same for each area.

Each has two addresses: a script asks the first for what the browser needs (JSON), and a form brings the
answer of the authenticator to the second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from admin_ui import cookies
from admin_ui.page import page
from admin_ui.sections.sign_in.next_page import safe_next
from admin_ui.visit import Visit
from matrix_app.protocol.errors import Forbidden
from matrix_app.services import passkeys, relying_party, web_sign_in
from matrix_app.services.access_tokens import new_token
from matrix_app.services.passkey_challenges import Purpose, of_session, of_visitor
from matrix_app.services.passkey_proof import begin_proof


def of_area(area: str) -> list[tuple[str, Callable[..., HttpResponseBase], str]]:
    """The addresses of an area: address, view and name."""

    @page(area, session=False)
    def begin_sign_in(visit: Visit) -> HttpResponse:
        if not visit.is_post:
            return visit.redirect(reverse(f"{area}:sign-in"))
        token = new_token("hp")
        response = visit.json(begin_proof(Purpose.SIGN_IN, of_visitor(token), visit.ip))
        cookies.put_passkey_token(response, visit.http, token)
        return response

    @page(area, session=False)
    def sign_in(visit: Visit) -> HttpResponse:
        return _proved(visit, "sign-in", _signed_in)

    @page(area, pending=True)
    def second_factor(visit: Visit) -> HttpResponse:
        return _proved(visit, "second-factor", _second_factor)

    @page(area)
    def confirm(visit: Visit) -> HttpResponse:
        return _proved(visit, "confirm", _confirmed)

    begin_second_factor = page(area, pending=True)(_beginning("second-factor", Purpose.SECOND_FACTOR))
    begin_confirm = page(area)(_beginning("confirm", Purpose.CONFIRM))
    return [
        ("sign-in/passkey/begin/", begin_sign_in, "passkey-begin-sign-in"),
        ("sign-in/passkey/", sign_in, "passkey-sign-in"),
        ("second-factor/passkey/begin/", begin_second_factor, "passkey-begin-second-factor"),
        ("second-factor/passkey/", second_factor, "passkey-second-factor"),
        ("confirm/passkey/begin/", begin_confirm, "passkey-begin-confirm"),
        ("confirm/passkey/", confirm, "passkey-confirm"),
    ]


def _beginning(page_name: str, purpose: Purpose) -> Callable[[Visit], HttpResponse]:
    def begin(visit: Visit) -> HttpResponse:
        if not visit.is_post:
            return visit.redirect(reverse(f"{visit.area}:{page_name}"))
        session = visit.session
        return visit.json(begin_proof(purpose, of_session(session), visit.ip, session.user_nid))

    return begin


def _proved(visit: Visit, page_name: str, prove: Callable[[Visit, str], str]) -> HttpResponse:
    """Go on with the new token of the session; what went wrong is told on the page that it came from."""
    if not visit.is_post:
        return visit.redirect(reverse(f"{visit.area}:{page_name}"))
    token = prove(visit, visit.form.get("credential", ""))
    response = visit.redirect(safe_next(visit))
    cookies.put_session(response, visit.http, visit.area, token)
    return response


def _signed_in(visit: Visit, answer: str) -> str:
    token = cookies.passkey_token(visit.http)
    if token is None:
        raise Forbidden("That took too long: try again")
    bound_to = of_visitor(token)
    return web_sign_in.sign_in_with_passkey(visit.area, bound_to, answer, visit.ip, visit.user_agent).token


def _second_factor(visit: Visit, answer: str) -> str:
    return web_sign_in.give_passkey(visit.session, answer, visit.ip)


def _confirmed(visit: Visit, answer: str) -> str:
    return web_sign_in.confirm_with_passkey(visit.session, answer, visit.ip)


def shown(visit: Visit) -> dict[str, Any]:
    """What a page says of passkeys: whether they can be used here, and where they can."""
    party = relying_party.relying_party()
    session = visit.session_or_none
    return {
        "passkeys_work": party is not None and visit.origin == party.origin,
        "passkeys_work_at": "" if party is None else party.origin,
        "has_passkeys": session is not None and bool(passkeys.usable(session.user_nid)),
    }
