"""One's own passkeys: adding them, names, and removing them."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.services import passkeys as service


@page("account", confirmed=True)
def begin(visit: Visit) -> HttpResponse:
    """What the browser needs to have a passkey made, for the script."""
    if not visit.is_post:
        return _back(visit)
    return visit.json(service.begin_registration(visit.session))


@page("account", confirmed=True)
def add(visit: Visit) -> HttpResponse:
    """Keep the passkey that was made; with the first second factor, recovery codes are shown once."""
    if not visit.is_post:
        return _back(visit)
    given = visit.form
    codes = service.finish_registration(
        visit.session, given.get("credential", ""), given.get("name", ""), visit.actor
    )
    if codes:
        return visit.page("account/recovery_codes", tab="second-factors", codes=codes)
    return _back(visit, _t("The passkey has been added."))


@page("account")
def rename(visit: Visit, nid: int) -> HttpResponse:
    """Give a passkey another name."""
    if not visit.is_post:
        return _back(visit)
    service.rename(visit.session.user_nid, nid, visit.form.get("name", ""), visit.actor)
    return _back(visit, _t("The passkey has its new name."))


@page("account", confirmed=True)
def remove(visit: Visit, nid: int) -> HttpResponse:
    """Remove a passkey."""
    if not visit.is_post:
        return _back(visit)
    service.remove(visit.session.user_nid, nid, visit.actor)
    return _back(visit, _t("The passkey has been removed."))


def _back(visit: Visit, message: str = "") -> HttpResponse:
    return visit.redirect(reverse("account:second-factors"), message)
