"""Replacing the keys by which one's devices are trusted, where the old ones are lost."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui.page import page
from admin_ui.sections.users.detail import found_account
from admin_ui.visit import Visit
from matrix_app.services import cross_signing_reset
from matrix_app.services.cross_signing import stored_keys
from matrix_app.storage import cross_signing


@page("account", confirmed=True)
def encryption(visit: Visit) -> HttpResponse:
    """Let one's client set up other identity keys, once, within some minutes."""
    nid = visit.session.user_nid
    if visit.is_post:
        cross_signing_reset.allow_reset(visit.actor, found_account(nid))
        message = _t("Go back to your app now: for ten minutes it can set up a new identity.")
        return visit.redirect(reverse("account:encryption"), message)
    return visit.page(
        "account/encryption",
        tab="encryption",
        has_keys=bool(stored_keys(nid)),
        until=cross_signing.reset_until(nid) if cross_signing_reset.may_reset(nid) else None,
    )
