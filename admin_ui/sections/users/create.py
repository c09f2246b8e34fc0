"""Making an account for somebody."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.visit import Visit
from appliance.config import get_config
from matrix_app.protocol.errors import MatrixError
from matrix_app.services.administer_account import add_account
from matrix_app.services.make_password import make_password
from matrix_app.services.register import check_username


class NewUserForm(forms.Form):
    """Who the new user is."""

    name = forms.CharField(
        label=_("User name"),
        max_length=200,
        help_text=_("The part before the colon, in small letters; it cannot be changed later."),
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "hx-get": reverse_lazy("admin:user-check-name"),
                "hx-trigger": "input changed delay:400ms",
                "hx-target": "#name-check",
                "hx-sync": "this:replace",
            }
        ),
    )
    display_name = forms.CharField(label=_("Display name"), max_length=256, required=False)
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=512,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave it empty and one is made for you, which is shown once."),
    )
    is_admin = forms.BooleanField(label=_("Administrator of this server"), required=False)


def localpart_in(text: str) -> str:
    """The name that somebody means who types it, or a whole user ID."""
    return text.strip().removeprefix("@").partition(":")[0]


@page("admin")
def check_name(visit: Visit) -> HttpResponse:
    """Whether a name can be had, while it is typed."""
    name, fault = localpart_in(visit.query("name")), ""
    try:
        user_id = check_username(name) if name else ""
    except MatrixError as error:
        user_id, fault = "", told(error)
    return visit.page("users/name_check", user_id=user_id, fault=fault)


@page("admin", confirmed=True)
def new_user(visit: Visit) -> HttpResponse:
    """Make an account; a password that was made for it is shown once."""
    form = NewUserForm(visit.form if visit.is_post else None, label_suffix="")
    if visit.is_post and form.is_valid():
        given = form.cleaned_data
        made = "" if given["password"] else make_password()
        try:
            account = add_account(
                visit.actor,
                localpart_in(given["name"]),
                given["password"] or made,
                is_admin=given["is_admin"],
                display_name=given["display_name"],
            )
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            if made:
                return visit.page("users/made", account=account, password=made)
            address = reverse("admin:user", args=[account.user_nid])
            return visit.redirect(address, _t("The account has been made."))
    return visit.page("users/new", form=form, server=get_config().server.name)
