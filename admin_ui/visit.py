"""A visit to a page: the request, whose session it is, and the answers that a view can give."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

from admin_ui import cookies
from matrix_app.http.client_address import client_address
from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services.audit import Actor
from matrix_app.storage.setup_state import SetupRow
from matrix_app.storage.web_sessions import WebSessionRow


class Visit:
    """One request to a page. `session` is None only on pages that need none."""

    def __init__(self, http: HttpRequest, area: str, session: WebSessionRow | None) -> None:
        self.http = http
        self.area = area
        self.session_or_none = session
        # How far the setup is, for the browser that may go on with it.
        self.setup_or_none: SetupRow | None = None
        meta = http.META
        self.ip = client_address(meta.get("REMOTE_ADDR"), meta.get("HTTP_X_FORWARDED_FOR"))
        self.user_agent: str = meta.get("HTTP_USER_AGENT", "")

    @property
    def session(self) -> WebSessionRow:
        """The session, on pages that need one."""
        if self.session_or_none is None:
            raise RuntimeError("this page has no session")
        return self.session_or_none

    @property
    def setup(self) -> SetupRow:
        """How far the setup is, on its pages."""
        if self.setup_or_none is None:
            raise RuntimeError("this page is none of the setup")
        return self.setup_or_none

    @property
    def actor(self) -> Actor:
        """Who acts, for the audit log."""
        if self.setup_or_none is not None:
            return Actor(self.setup_or_none.data.get("owner_nid"), "page", self.ip)
        return Actor(self.session.user_nid, "page", self.ip)

    @property
    def requester(self) -> Requester:
        """Who acts, for services that check what one may do."""
        session = self.session
        return Requester(
            user_id=session.user_id,
            user_nid=session.user_nid,
            device_id=None,
            device_nid=None,
            token_nid=None,
            is_admin=session.is_admin,
            is_suspended=session.suspended_ts is not None,
        )

    @property
    def is_post(self) -> bool:
        """Whether the visitor sent a form."""
        return self.http.method == "POST"

    @property
    def form(self) -> QueryDict:
        """What was filled in."""
        return self.http.POST

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks for a part of the page only."""
        return self.http.headers.get("HX-Request") == "true"

    @property
    def is_for_script(self) -> bool:
        """Whether a script of the page asks, which wants JSON."""
        return self.http.headers.get("Accept") == "application/json"

    @property
    def origin(self) -> str:
        """Where the browser believes to be: scheme, host and port."""
        return f"{self.http.scheme}://{self.http.get_host().lower()}"

    def require_typed(self, name: str) -> None:
        """Raise `InvalidParam` unless the visitor typed a name, to show that they mean it."""
        if self.form.get("typed_name", "").strip() != name:
            raise InvalidParam(_("Type %s to confirm; nothing has been done.") % name)

    def query(self, name: str, default: str = "") -> str:
        """A parameter of the address, without NUL characters."""
        return (self.http.GET.get(name) or default).replace("\0", "")

    def page(self, template: str, /, *, status: int = 200, **values: Any) -> HttpResponse:
        """A page made of `admin_ui/templates/admin_ui/<template>.html`."""
        flash = cookies.read_flash(self.http)
        context = {**values, "visit": self, "session": self.session_or_none, "flash": flash}
        response = render(self.http, f"admin_ui/{template}.html", context, status=status)
        if flash is not None:
            response.delete_cookie(cookies.FLASH)
        return response

    def json(self, values: dict[str, Any], *, status: int = 200) -> HttpResponse:
        """An answer for a script of the page."""
        return JsonResponse(values, status=status)

    def redirect(self, address: str, message: str = "", kind: str = "ok") -> HttpResponse:
        """Go to a page of this server, which shows a message: `kind` is ok, warn or error."""
        response: HttpResponse
        if self.is_partial:  # htmx would put the page into a part of this one
            response = HttpResponse(status=204, headers={"HX-Redirect": address})
        else:
            response = HttpResponseRedirect(address, status=303)
        if message:
            cookies.put_flash(response, self.http, kind, message)
        return response
