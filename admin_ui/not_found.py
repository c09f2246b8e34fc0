"""The page that is shown where there is none."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _

from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.protocol.errors import NotFound


def _nothing(visit: Visit) -> HttpResponse:
    raise NotFound(_("There is no such page"))


# Who is not signed in learns nothing of what there is in the administration.
not_found = page("admin")(_nothing)
not_found_in_account = page("account", session=False)(_nothing)
not_found_in_setup = page("setup", session=False)(_nothing)
