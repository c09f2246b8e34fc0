"""Signing in with a password and a second factor, confirming, and signing out: the same for each area.

Passkeys are in `passkeys.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from admin_ui import cookies
from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.sections.sign_in import passkeys
from admin_ui.sections.sign_in.next_page import safe_next
from admin_ui.visit import Visit
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import web_sign_in
from matrix_app.services.oauth.server_metadata import is_on, registers_on_page
from matrix_app.services.second_factor import has_app
from matrix_app.services.web_sign_in import ACCOUNT


class SignInForm(forms.Form):
    """A name and a password."""

    name = forms.CharField(
        label=_("User name"),
        max_length=255,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=512,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class CodeForm(forms.Form):
    """A code of an authenticator app, or a recovery code."""

    code = forms.CharField(
        label=_("Code"),
        max_length=32,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "text"}),
    )


class ConfirmForm(forms.Form):
    """The password again."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=512,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


Attempt = Callable[[Visit, dict[str, Any]], str]


def of_area(area: str) -> list[tuple[str, Callable[..., HttpResponseBase], str]]:
    """The pages of an area: address, view and name."""

    @page(area, session=False)
    def sign_in(visit: Visit) -> HttpResponse:
        return _try(visit, SignInForm, "sign_in/sign_in", _signed_in)

    @page(area, pending=True)
    def second_factor(visit: Visit) -> HttpResponse:
        app = has_app(visit.session.user_nid)
        return _try(visit, CodeForm, "sign_in/second_factor", _second_factor, has_app=app)

    @page(area)
    def confirm(visit: Visit) -> HttpResponse:
        return _try(visit, ConfirmForm, "sign_in/confirm", _confirmed)

    @page(area, pending=True)
    def sign_out(visit: Visit) -> HttpResponse:
        if visit.is_post:
            web_sign_in.sign_out(visit.session)
        onwards = f"?{urlencode({'next': safe_next(visit)})}" if visit.form.get("next") else ""
        response = visit.redirect(reverse(f"{area}:sign-in") + onwards)
        if visit.is_post:
            cookies.drop_session(response, visit.http, area)
        return response

    return [
        ("sign-in/", sign_in, "sign-in"),
        ("second-factor/", second_factor, "second-factor"),
        ("confirm/", confirm, "confirm"),
        ("sign-out/", sign_out, "sign-out"),
        *passkeys.of_area(area),
    ]


def _try(
    visit: Visit, kind: type[forms.Form], template: str, attempt: Attempt, **values: Any
) -> HttpResponse:
    """Show a form; once it is right, go on with the new token of the session."""
    form = kind(visit.form if visit.is_post else None, label_suffix="")
    if visit.is_post and form.is_valid():
        try:
            token = attempt(visit, form.cleaned_data)
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            response = visit.redirect(safe_next(visit))
            cookies.put_session(response, visit.http, visit.area, token)
            return response
    status = 400 if visit.is_post else 200
    values |= {"form": form, "next": safe_next(visit), **passkeys.shown(visit)}
    values["registers"] = is_on() and registers_on_page() and visit.area == ACCOUNT
    return visit.page(template, status=status, **values)


def _signed_in(visit: Visit, given: dict[str, Any]) -> str:
    return web_sign_in.sign_in(
        visit.area, given["name"].strip(), given["password"], visit.ip, visit.user_agent
    ).token


def _second_factor(visit: Visit, given: dict[str, Any]) -> str:
    return web_sign_in.give_second_factor(visit.session, given["code"])


def _confirmed(visit: Visit, given: dict[str, Any]) -> str:
    return web_sign_in.confirm(visit.session, given["password"], visit.ip)
