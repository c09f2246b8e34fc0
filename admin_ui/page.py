"""How a page is declared: which area it belongs to, and what its visitor must have proved.

    @page("admin")
    def users(visit: Visit) -> HttpResponse: ...

    @page("admin", confirmed=True)   # the password is asked for again where that was long ago
    def delete_room(visit: Visit, room_id: str) -> HttpResponse: ...

The decorator looks up the session, checks forms against forgery, adds the security headers, chooses the
language, and shows errors of the tree: after a form as a message on the page that it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _t

from admin_ui import cookies
from admin_ui.csrf import protected
from admin_ui.faults import told
from admin_ui.languages import language_of
from admin_ui.security import add_headers
from admin_ui.visit import Visit
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import second_factor, setup
from matrix_app.services.web_sign_in import ADMIN, find_session, is_confirmed

View = Callable[..., HttpResponseBase]
METHODS = ("GET", "HEAD", "POST")


def page(
    area: str, *, session: bool = True, pending: bool = False, confirmed: bool = False
) -> Callable[[View], View]:
    """Declare a page of an area: `admin`, `account`, or `setup`, for the one browser that knew the code.

    `session=False`: anybody may see it. `pending=True`: also those whose second factor is still to come.
    `confirmed=True`: its forms need the password, given in the last minutes.
    """

    def declare(view: View) -> View:
        @wraps(view)
        def answer(http: HttpRequest, **path: Any) -> HttpResponseBase:
            with translation.override(language_of(http)):
                visit = _visit(http, area)
                response = _refused(visit, session, pending, confirmed) or _call(view, visit, path)
            add_headers(response)
            return response

        return protected(answer)

    return declare


def _visit(http: HttpRequest, area: str) -> Visit:
    visit = Visit(http, area, None)
    token = cookies.session_token(http, area)
    if token is not None and area == "setup":
        visit.setup_or_none = setup.of_token(token)
    elif token is not None:
        visit.session_or_none = find_session(area, token, visit.ip)
    return visit


def _refused(visit: Visit, session: bool, pending: bool, confirmed: bool) -> HttpResponse | None:
    """Where a visitor is sent who may not see the page (yet)."""
    if visit.http.method not in METHODS:
        return HttpResponse(status=405, headers={"Allow": ", ".join(METHODS)})
    if visit.area == "setup":
        return _refused_setup(visit, session)
    found = visit.session_or_none
    if not session:
        return None
    if found is None:
        return _to(visit, "sign-in")
    if found.second_factor_pending and not pending:
        return _to(visit, "second-factor")
    if visit.area == ADMIN and not pending and second_factor.lacks_needed(found.user_nid):
        message = _t("Administrators of this server need a second factor: add one here, then come back.")
        return visit.redirect(reverse("account:second-factors"), message, "warn")
    if confirmed and visit.is_post and not is_confirmed(found):
        return _to(visit, "confirm")
    return None


def _refused_setup(visit: Visit, session: bool) -> HttpResponse | None:
    """The setup has no users: it is for one browser, which knew the code, until it is finished."""
    if not setup.is_open():
        return visit.page("setup/closed", status=404)
    if session and visit.setup_or_none is None:
        if visit.is_partial:
            return HttpResponse(status=204, headers={"HX-Redirect": reverse("setup:unlock")})
        return visit.redirect(reverse("setup:unlock"))
    return None


def _to(visit: Visit, name: str) -> HttpResponse:
    here = visit.http.get_full_path() if visit.http.method != "POST" else _came_from(visit)
    address = f"{reverse(f'{visit.area}:{name}')}?{urlencode({'next': here})}"
    if visit.is_partial:  # htmx would put the page into a part of this one
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    if visit.is_for_script:
        return visit.json({"go_to": address}, status=401)
    return visit.redirect(address)


def _came_from(visit: Visit) -> str:
    """The page of this server that a form was on."""
    referer = urlsplit(visit.http.headers.get("Referer", ""))
    if referer.netloc == visit.http.get_host() and referer.path.startswith("/"):
        return f"{referer.path}?{referer.query}" if referer.query else referer.path
    return visit.http.path


def _call(view: View, visit: Visit, path: dict[str, Any]) -> HttpResponseBase:
    try:
        return view(visit, **path)
    except MatrixError as error:
        text = told(error)
        if visit.is_for_script:
            return visit.json({"error": text}, status=error.status)
        if visit.is_post and not visit.is_partial:
            return visit.redirect(_came_from(visit), text, "error")
        return visit.page("error", status=error.status, text=text)
