"""One's own authenticator app and recovery codes, and the list of passkeys."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.qr import qr_picture
from admin_ui.sections.sign_in.passkeys import shown
from admin_ui.visit import Visit
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import second_factor as service
from matrix_app.services.relying_party import relying_party
from matrix_app.storage import passkeys
from matrix_app.storage import second_factors as stored


class CodeForm(forms.Form):
    """The first code of an authenticator app."""

    code = forms.CharField(
        label=_("The six digits that the app shows"),
        max_length=12,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


@page("account")
def second_factors(visit: Visit) -> HttpResponse:
    """What one must prove beside the password."""
    nid = visit.session.user_nid
    app = stored.totp(nid)
    party = relying_party()
    return visit.page(
        "account/second_factors",
        tab="second-factors",
        app=app if app is not None and app.confirmed_ts is not None else None,
        passkeys=passkeys.of_user(nid),
        rp_id=None if party is None else party.id,
        **shown(visit),
        codes_left=stored.count_recovery_codes(nid),
    )


@page("account", confirmed=True)
def add(visit: Visit) -> HttpResponse:
    """Begin with an app (a first form), then confirm it with a code; the recovery codes are shown once."""
    if not visit.is_post:
        return visit.redirect(reverse("account:second-factors"))
    session = visit.session
    form = CodeForm(visit.form if "code" in visit.form else None, label_suffix="")
    if form.is_valid():
        try:
            codes = service.confirm_totp(session.user_nid, form.cleaned_data["code"], visit.actor)
        except MatrixError as error:
            form.add_error("code", told(error))
        else:
            return _added(visit, codes)
    secret = (
        service.waiting_secret(session.user_nid) if form.is_bound else service.begin_totp(session.user_nid)
    )
    uri = service.totp_uri(session.user_id, secret)
    return visit.page(
        "account/add_app", tab="second-factors", form=form, secret=secret, picture=qr_picture(uri)
    )


def _added(visit: Visit, codes: list[str]) -> HttpResponse:
    if codes:
        return visit.page("account/recovery_codes", tab="second-factors", codes=codes)
    message = _t("The authenticator app has been added; your recovery codes are the same as before.")
    return visit.redirect(reverse("account:second-factors"), message)


@page("account", confirmed=True)
def remove(visit: Visit) -> HttpResponse:
    """Remove one's own app."""
    if visit.is_post:
        service.remove_totp(visit.session.user_nid, visit.actor)
    message = _t("The authenticator app has been removed.") if visit.is_post else ""
    return visit.redirect(reverse("account:second-factors"), message)


@page("account", confirmed=True)
def codes(visit: Visit) -> HttpResponse:
    """Make new recovery codes, which are shown once."""
    if not visit.is_post:
        return visit.redirect(reverse("account:second-factors"))
    made = service.new_recovery_codes(visit.session.user_nid, visit.actor)
    return visit.page("account/recovery_codes", tab="second-factors", codes=made)
