"""Somebody who registers confirms their mail address."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui import cookies
from admin_ui.page import page
from admin_ui.sections.oauth.register import registered
from admin_ui.visit import Visit
from matrix_app.http.rate_limit import take
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services import page_registration
from matrix_app.services.oauth.server_metadata import require_on


class AddressForm(forms.Form):
    """Where another mail goes to."""

    address = forms.CharField(
        label=_("Mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


@page("account", session=False)
def register_mail(visit: Visit) -> HttpResponse:
    """Wait until the link in the mail is followed; then make the account."""
    require_on()
    session_id = cookies.registering(visit.http) or ""
    waiting = page_registration.find(session_id)
    if waiting is None:
        return visit.page("oauth/register_elsewhere", status=404)
    if visit.is_post:
        take("registration", visit.ip)
        return registered(visit, session_id, waiting.onwards)
    confirmed = page_registration.is_confirmed(session_id, waiting)
    if confirmed and visit.is_partial:
        return visit.redirect(reverse("account:register-mail"))
    return visit.page(
        "oauth/register_mail",
        address=waiting.address,
        confirmed=confirmed,
        form=AddressForm(initial={"address": waiting.address}, label_suffix=""),
        next=waiting.onwards,
    )


@page("account", session=False)
def again(visit: Visit) -> HttpResponse:
    """Send another mail, to another address where the first was wrong."""
    require_on()
    if visit.is_post:
        take("registration", visit.ip)
        form = AddressForm(visit.form)
        if not form.is_valid():
            raise InvalidParam("Not a mail address")
        page_registration.send_again(cookies.registering(visit.http) or "", form.cleaned_data["address"])
        return visit.redirect(reverse("account:register-mail"), _t("Another mail is on its way."))
    return visit.redirect(reverse("account:register-mail"))
