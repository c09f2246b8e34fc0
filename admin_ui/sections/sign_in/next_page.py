"""Where somebody goes on who has signed in."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from admin_ui.visit import Visit


def safe_next(visit: Visit) -> str:
    """Where the visitor wanted to go: only ever a page of this server and this area."""
    wanted = visit.http.POST.get("next") or visit.query("next")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and _is_page(wanted, visit.area):
        return wanted
    return reverse(f"{visit.area}:home")


def _is_page(address: str, area: str) -> bool:
    try:
        found = resolve(urlsplit(address).path)
    except Resolver404:
        return False
    return found.namespace == area and found.url_name != "not-found"
