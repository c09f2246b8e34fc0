"""Registering on the way to an app ("User registration" of the OAuth 2.0 API)."""

from __future__ import annotations

from typing import Final

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from admin_ui import cookies
from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.sections.join.views import JoinForm
from admin_ui.sections.sign_in.next_page import safe_next
from admin_ui.security import let_captcha_in
from admin_ui.visit import Visit
from appliance.config import get_config
from matrix_app.http.rate_limit import take
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import page_registration
from matrix_app.services.audit import Actor
from matrix_app.services.oauth.server_metadata import require_on
from matrix_app.services.page_registration import Wanted, asks_captcha, asks_mail
from matrix_app.services.web_sign_in import ACCOUNT, open_session

_TOKEN: Final = _("Invitation")


@page("account", session=False)
def register(visit: Visit) -> HttpResponse:
    """Make an account by the server's rules, sign in to these pages, and go on to where one came from."""
    require_on()
    form = _form(visit)
    if visit.is_post and form.is_valid():
        try:
            return _begun(visit, form)
        except MatrixError as error:
            form.add_error(None, told(error))
    return _shown(visit, form)


def _shown(visit: Visit, form: JoinForm) -> HttpResponse:
    registration, captcha = get_config().registration, asks_captcha()
    response = visit.page(
        "oauth/register",
        status=400 if visit.is_post else 200,
        form=form,
        next=safe_next(visit),
        closed=registration.mode == "closed",
        terms=registration.terms,
        captcha_key=get_config().captcha.public_key if captcha else "",
    )
    if captcha:
        let_captcha_in(response, visit.http)
    return response


def _form(visit: Visit) -> JoinForm:
    form = JoinForm(visit.form if visit.is_post else None, label_suffix="")
    mail = asks_mail()
    if mail is not None:
        form.fields["address"] = _address_field(required=mail)
    if get_config().registration.mode == "token":
        form.fields["token"] = forms.CharField(
            label=_TOKEN,
            max_length=64,
            help_text=_("The end of the link, or the word, that whoever invited you has sent."),
            widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
        )
    form.ask_for_terms()
    return form


def _address_field(*, required: bool) -> forms.CharField:
    return forms.CharField(
        label=_("Mail address") if required else _("Mail address, if you like"),
        required=required,
        max_length=254,
        help_text=_(
            "You get a mail with a link. By this address you can set a new password if you forget it."
        ),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


def _begun(visit: Visit, form: JoinForm) -> HttpResponse:
    take("registration", visit.ip)
    actor, given = Actor(None, "page", visit.ip), form.cleaned_data
    page_registration.give_up(cookies.registering(visit.http) or "")
    wanted = Wanted(
        form.localpart,
        given["password"],
        safe_next(visit),
        token=given.get("token", "").strip().rstrip("/").rpartition("/")[2],
        captcha=visit.form.get("g-recaptcha-response", ""),
        address=given.get("address", "").strip(),
    )
    session_id = page_registration.begin(wanted, actor)
    if not wanted.address:
        return registered(visit, session_id, wanted.onwards)
    response = visit.redirect(reverse("account:register-mail"))
    cookies.put_registering(response, visit.http, session_id)
    return response


def registered(visit: Visit, session_id: str, onwards: str) -> HttpResponse:
    """Make the account, sign in to these pages, and go on."""
    account = page_registration.finish(session_id, Actor(None, "page", visit.ip))
    session = open_session(ACCOUNT, account, visit.ip, visit.user_agent)
    response = visit.redirect(onwards)
    cookies.put_session(response, visit.http, visit.area, session.token)
    cookies.drop_session(response, visit.http, "registering")
    return response
