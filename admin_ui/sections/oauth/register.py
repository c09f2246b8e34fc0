"""Registering on the way to an app ("User registration" of the OAuth 2.0 API)."""

from __future__ import annotations

from typing import Final

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from admin_ui import cookies
from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.sections.join.views import JoinForm
from admin_ui.sections.sign_in.next_page import safe_next
from admin_ui.visit import Visit
from appliance.config import get_config
from matrix_app.http.rate_limit import take
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import page_registration
from matrix_app.services.audit import Actor
from matrix_app.services.oauth.server_metadata import registers_on_page, require_on
from matrix_app.services.web_sign_in import ACCOUNT, open_session

_TOKEN: Final = _("Invitation")


@page("account", session=False)
def register(visit: Visit) -> HttpResponse:
    """Make an account by the server's rules, sign in to these pages, and go on to where one came from."""
    require_on()
    form = _form(visit)
    if visit.is_post and form.is_valid():
        try:
            return _registered(visit, form)
        except MatrixError as error:
            form.add_error(None, told(error))
    status = 400 if visit.is_post else 200
    return visit.page(
        "oauth/register",
        status=status,
        form=form,
        next=safe_next(visit),
        works=registers_on_page(),
        closed=get_config().registration.mode == "closed",
        terms=get_config().registration.terms,
    )


def _form(visit: Visit) -> JoinForm:
    registration = get_config().registration
    form = JoinForm(visit.form if visit.is_post else None, label_suffix="")
    if registration.mode == "token":
        form.fields["token"] = forms.CharField(
            label=_TOKEN,
            max_length=64,
            help_text=_("The end of the link, or the word, that whoever invited you has sent."),
            widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
        )
    form.ask_for_terms()
    return form


def _registered(visit: Visit, form: JoinForm) -> HttpResponse:
    take("registration", visit.ip)
    actor, given = Actor(None, "page", visit.ip), form.cleaned_data
    token = given.get("token", "").strip().rstrip("/").rpartition("/")[2]
    account = page_registration.register(form.localpart, given["password"], token, actor)
    session = open_session(ACCOUNT, account, visit.ip, visit.user_agent)
    response = visit.redirect(safe_next(visit))
    cookies.put_session(response, visit.http, visit.area, session.token)
    return response
