"""The account of the owner, who is the first administrator, and its second factor."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _t

from admin_ui import cookies
from admin_ui.faults import told
from admin_ui.qr import qr_picture
from admin_ui.sections.account.second_factor import CodeForm
from admin_ui.sections.join.views import JoinForm
from admin_ui.sections.setup.steps import go_on, show, step
from admin_ui.sections.sign_in.passkeys import shown as passkeys_shown
from admin_ui.visit import Visit
from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden, MatrixError
from matrix_app.services import passkeys, setup
from matrix_app.services import second_factor as service
from matrix_app.services.passkey_challenges import of_visitor
from matrix_app.services.passkeys import Registrant


@step("owner")
def owner(visit: Visit) -> HttpResponse:
    """Make the account; once it is made, the step only tells so."""
    made = setup.owner_of(visit.setup)
    form = JoinForm(visit.form if visit.is_post and made is None else None, label_suffix="")
    if visit.is_post and made is not None:
        return go_on(visit, "owner")
    if visit.is_post and form.is_valid():
        given = form.cleaned_data
        name = given["name"].strip().removeprefix("@").partition(":")[0]
        try:
            setup.make_owner(name, given["password"], visit.actor)
            setup.speak(get_language() or "en", visit.actor)
        except MatrixError as error:
            form.add_error(None, told(error))
        else:
            return go_on(visit, "owner", _t("Your account has been made."))
    return show(visit, "owner", form=form, made=made, server=get_config().server.name)


@step("second-factor")
def second_factor(visit: Visit) -> HttpResponse:
    """Add a passkey or an authenticator app, or go on without one."""
    made = setup.owner_of(visit.setup)
    if made is None:
        return visit.redirect(reverse("setup:owner"))
    if visit.is_post and "skip" in visit.form:
        return go_on(visit, "second-factor")
    if service.has_second_factor(made.user_nid) or not visit.is_post:
        has_one = service.has_second_factor(made.user_nid)
        return show(visit, "second-factor", has_one=has_one, **passkeys_shown(visit))
    form = CodeForm(visit.form if "code" in visit.form else None, label_suffix="")
    if form.is_valid():
        try:
            codes = service.confirm_totp(made.user_nid, form.cleaned_data["code"], visit.actor)
        except MatrixError as error:
            form.add_error("code", told(error))
        else:
            return show(visit, "second-factor", codes=codes, user_id=made.user_id)
    nid = made.user_nid
    secret = service.waiting_secret(nid) if form.is_bound else service.begin_totp(nid)
    picture = qr_picture(service.totp_uri(made.user_id, secret))
    return show(visit, "second-factor", form=form, secret=secret, picture=picture)


@step("second-factor")
def begin_passkey(visit: Visit) -> HttpResponse:
    """What the browser needs to have a passkey made for the owner, for the script."""
    if not visit.is_post:
        return visit.redirect(reverse("setup:second-factor"))
    return visit.json(passkeys.begin_for(_registrant(visit)))


@step("second-factor")
def add_passkey(visit: Visit) -> HttpResponse:
    """Keep the passkey that was made; recovery codes are shown once."""
    if not visit.is_post:
        return visit.redirect(reverse("setup:second-factor"))
    given, who = visit.form, _registrant(visit)
    codes = passkeys.finish_for(who, given.get("credential", ""), given.get("name", ""), visit.actor)
    if codes:
        return show(visit, "second-factor", codes=codes, user_id=who.user_id)
    return visit.redirect(reverse("setup:second-factor"), _t("The passkey has been added."))


def _registrant(visit: Visit) -> Registrant:
    """The owner, whose second factor is made in the browser that has the setup."""
    made, token = setup.owner_of(visit.setup), cookies.session_token(visit.http, "setup")
    if made is None or token is None:
        raise Forbidden(_t("Make your account first."))
    return Registrant(made.user_nid, made.user_id, of_visitor(token))
