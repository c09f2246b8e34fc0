"""Choosing the language of the pages, whoever one is."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from admin_ui.languages import choose
from admin_ui.page import page
from admin_ui.visit import Visit


@page("account", session=False)
def language(visit: Visit) -> HttpResponse:
    """Keep the choice in a cookie, and go back to the page that it was made on."""
    came_from = visit.form.get("next", "")
    if not url_has_allowed_host_and_scheme(came_from, allowed_hosts=None):
        came_from = reverse("account:home")
    response = visit.redirect(came_from)
    if visit.is_post:
        choose(response, visit.http, visit.form.get("language", ""))
    return response
