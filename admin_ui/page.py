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

import structlog
from django.core.exceptions import BadRequest, SuspiciousOperation
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

_log = structlog.get_logger("admin_ui.page")
View = Callable[..., HttpResponseBase]
METHODS = ("GET", "HEAD", "POST")


def page(
    area: str,
    *,
    session: bool = True,
    pending: bool = False,
    confirmed: bool = False,
    secret: bool = False,
) -> Callable[[View], View]:
    """Declare a page of an area: `admin`, `account`, or `setup`, for the one browser that knew the code.

    `session=False`: anybody may see it. `pending=True`: also those whose second factor is still to come.
    `confirmed=True`: its forms need the password, given in the last minutes. `secret=True`: so does looking.
    """

    def declare(view: View) -> View:
        def answered(visit: Visit, path: dict[str, Any]) -> HttpResponseBase:
            _recognise(visit)
            needs_password = secret or (confirmed and visit.is_post)
            return _refused(visit, session, pending, needs_password) or view(visit, **path)

        @wraps(view)
        def answer(http: HttpRequest, **path: Any) -> HttpResponseBase:
            with translation.override(language_of(http)):
                response = _told(Visit(http, area, None), lambda visit: answered(visit, path))
            add_headers(response, http)
            return response

        return protected(answer)

    return declare


def _recognise(visit: Visit) -> None:
    """Find out whose session it is."""
    token = cookies.session_token(visit.http, visit.area)
    if token is not None and visit.area == "setup":
        visit.setup_or_none = setup.of_token(token)
    elif token is not None:
        visit.session_or_none = find_session(visit.area, token, visit.ip)


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
    if confirmed and not is_confirmed(found):
        return _to(visit, "confirm")
    return None


def sent_to_prove(visit: Visit) -> HttpResponse | None:
    """Where a visitor is sent, by a page that anybody may open, who has to prove anew who they are."""
    return _refused(visit, True, False, True)


def _refused_setup(visit: Visit, session: bool) -> HttpResponse | None:
    """The setup has no users: it is for one browser, which knew the code, until it is finished."""
    if not setup.is_open():
        return visit.page("setup/closed", status=404)
    if session and visit.setup_or_none is None:
        return visit.redirect(reverse("setup:unlock"))
    return None


def _to(visit: Visit, name: str) -> HttpResponse:
    here = visit.http.get_full_path() if visit.http.method != "POST" else _came_from(visit)
    address = f"{reverse(f'{visit.area}:{name}')}?{urlencode({'next': here})}"
    if visit.is_for_script:
        return visit.json({"go_to": address}, status=401)
    return visit.redirect(address)


def _came_from(visit: Visit) -> str:
    """The page of this server that a form was on."""
    referer = urlsplit(visit.http.headers.get("Referer", ""))
    if referer.netloc == visit.http.get_host() and referer.path.startswith("/"):
        return f"{referer.path}?{referer.query}" if referer.query else referer.path
    return visit.http.path


def _told(visit: Visit, answer: Callable[[Visit], HttpResponseBase]) -> HttpResponseBase:
    """The answer, or a page that tells what went wrong."""
    try:
        return answer(visit)
    except MatrixError as error:
        text = told(error)
        if visit.is_post and not (visit.is_partial or visit.is_for_script):
            return visit.redirect(_came_from(visit), text, "error")
        return _failed(visit, text, error.status)
    except (SuspiciousOperation, BadRequest):
        raise  # Django answers with `bad_request`
    except Exception:  # noqa: BLE001  (the boundary of the page: logged, and answered with 500)
        _log.exception("a page failed", method=visit.http.method, path=visit.http.path)
        return _failed(visit, _t("This should not have happened: the log says more."), 500)


def _failed(visit: Visit, text: str, status: int) -> HttpResponse:
    if visit.is_for_script:
        return visit.json({"error": text}, status=status)
    return visit.page("error", status=status, text=text)
