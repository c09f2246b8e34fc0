"""Accepting an invitation: a name, a password, and how to go on with a client."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from admin_ui.client_links import CLIENTS
from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.visit import Visit
from appliance.config import get_config
from matrix_app.http.rate_limit import take
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import invitations
from matrix_app.services.audit import Actor


class JoinForm(forms.Form):
    """Who the new user wants to be."""

    name = forms.CharField(
        label=_("User name"),
        max_length=200,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
        help_text=_("In small letters, without spaces. It cannot be changed later."),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=512,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("Password again"),
        strip=False,
        max_length=512,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """The passwords must be the same."""
        given = self.cleaned_data
        if given.get("password") != given.get("again"):
            self.add_error("again", _("The passwords are not the same."))
        return given

    def ask_for_terms(self) -> None:
        """Let those agree to the terms who are new, where there are any."""
        if get_config().registration.terms.version:
            self.fields["terms"] = forms.BooleanField(label=_("I agree to the terms"))

    @property
    def localpart(self) -> str:
        """The user name, of a form that is valid; people write whole user IDs, too."""
        return str(self.cleaned_data["name"].strip().removeprefix("@").partition(":")[0])


@page("account", session=False)
def join(visit: Visit, token: str) -> HttpResponse:
    """Make an account with an invitation."""
    terms = get_config().registration.terms
    form = JoinForm(visit.form if visit.is_post else None, label_suffix="")
    form.ask_for_terms()
    if visit.is_post and form.is_valid():
        given = form.cleaned_data
        try:
            take("registration", visit.ip)
            actor = Actor(None, "page", visit.ip)
            account = invitations.accept(token, form.localpart, given["password"], actor)
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            return visit.page("join/welcome", account=account, links=CLIENTS)
    usable = invitations.is_usable(token)
    if not usable:  # those who guess have to wait
        take("registration", visit.ip)
    return visit.page("join/join", status=200 if usable else 404, form=form, usable=usable, terms=terms)
