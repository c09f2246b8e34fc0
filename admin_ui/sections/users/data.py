"""An archive of what an account has here, for an administrator who has to hand it over."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from admin_ui.data_export import DataPage
from admin_ui.page import page
from admin_ui.sections.users.detail import found_account, shown
from admin_ui.visit import Visit


def _page(nid: int) -> DataPage:
    return DataPage(found_account(nid), reverse("admin:user-data", args=[nid]), for_admins=True)


@page("admin")
def data(visit: Visit, nid: int) -> HttpResponse:
    """How far the archive is; while it is being made, the page refreshes that."""
    found = _page(nid)
    if visit.is_partial:
        return visit.page("components/data_export", **found.values())
    return shown(visit, "data", found.account, "data", **found.values())


@page("admin", confirmed=True)
def make(visit: Visit, nid: int) -> HttpResponse:
    """Have an archive made."""
    return _page(nid).make(visit)


@page("admin")
def cancel(visit: Visit, nid: int) -> HttpResponse:
    """End the making of an archive."""
    return _page(nid).cancel(visit)


@page("admin", confirmed=True)
def remove(visit: Visit, nid: int) -> HttpResponse:
    """Remove the archive before its time."""
    return _page(nid).remove(visit)


@page("admin", secret=True)
def archive(visit: Visit, nid: int) -> HttpResponseBase:
    """The archive."""
    return _page(nid).archive(visit)
