"""One's own password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui import cookies
from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.visit import Visit
from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden, MatrixError
from matrix_app.services import audit, web_sign_in
from matrix_app.services.change_password import change_password
from matrix_app.services.passwords import check_policy, hash_password
from matrix_app.storage import db


def _field(label: Any, autocomplete: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, strip=False, max_length=512, widget=widget)


class PasswordForm(forms.Form):
    """The present password, and the new one twice."""

    present = _field(_("Present password"), "current-password")
    new = _field(_("New password"), "new-password")
    again = _field(_("New password again"), "new-password")
    sign_out = forms.BooleanField(label=_("Sign me out on all my devices"), required=False)

    def clean(self) -> dict[str, Any]:
        """The new passwords must be the same."""
        given = self.cleaned_data
        if given.get("new") != given.get("again"):
            self.add_error("again", _("The passwords are not the same."))
        return given


@page("account")
def password(visit: Visit) -> HttpResponse:
    """Change one's own password, which must be given once more."""
    form = PasswordForm(visit.form if visit.is_post else None, label_suffix="")
    if visit.is_post and form.is_valid():
        try:
            token = _change(visit, form.cleaned_data)
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            response = visit.redirect(reverse("account:home"), _t("The password has been changed."))
            cookies.put_session(response, visit.http, visit.area, token)
            return response
    return visit.page("account/password", tab="password", form=form)


def _change(visit: Visit, given: dict[str, Any]) -> str:
    if not get_config().registration.allow_password_change:
        raise Forbidden(_t("Passwords cannot be changed on this server"))
    check_policy(given["new"])
    token = web_sign_in.confirm(visit.session, given["present"], visit.ip)
    password_hash = hash_password(given["new"])
    session = visit.session
    with db.write():
        change_password(
            session.user_nid,
            password_hash,
            sign_out=given["sign_out"],
            but_web_session_nid=session.nid,
        )
        audit.record(visit.actor, "account.change_password", session.user_id)
    return token
