"""The page that is shown where there is none."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _

from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.protocol.errors import NotFound


@page("admin")
def not_found(visit: Visit) -> HttpResponse:
    """Tell that there is no such page."""
    raise NotFound(_("There is no such page"))
