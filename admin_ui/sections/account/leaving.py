"""The end of one's own account."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui import cookies
from admin_ui.page import page
from admin_ui.visit import Visit
from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden
from matrix_app.services.deactivate import deactivate as end_account
from matrix_app.storage import user_rooms


@page("account", confirmed=True)
def deactivate(visit: Visit) -> HttpResponse:
    """End one's own account for good."""
    session = visit.session
    if not visit.is_post:
        return visit.page(
            "account/deactivate", tab="deactivate", rooms=user_rooms.count_joined(session.user_nid)
        )
    if not get_config().registration.allow_deactivation:
        raise Forbidden(_t("Users cannot deactivate accounts on this server"))
    visit.require_typed(session.user_id)
    erase = visit.form.get("erase") == "on"
    end_account(session.user_id, session.user_nid, erase=erase, actor=visit.actor)
    response = visit.redirect(reverse("account:sign-in"), _t("Your account has been deactivated."))
    cookies.drop_session(response, visit.http, visit.area)
    return response
