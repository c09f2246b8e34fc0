"""Taking everything with one that one's account has here."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from admin_ui.data_export import DataPage
from admin_ui.page import page
from admin_ui.sections.users.detail import found_account
from admin_ui.visit import Visit


def _page(visit: Visit) -> DataPage:
    account = found_account(visit.session.user_nid)
    return DataPage(account, reverse("account:data"), for_admins=False)


@page("account")
def data(visit: Visit) -> HttpResponse:
    """How far the archive is; while it is being made, the page refreshes that."""
    template = "components/data_export" if visit.is_partial else "account/data"
    return visit.page(template, tab="data", **_page(visit).values())


@page("account", confirmed=True)
def make(visit: Visit) -> HttpResponse:
    """Have an archive made."""
    return _page(visit).make(visit)


@page("account")
def cancel(visit: Visit) -> HttpResponse:
    """End the making of an archive."""
    return _page(visit).cancel(visit)


@page("account", confirmed=True)
def remove(visit: Visit) -> HttpResponse:
    """Remove the archive before its time."""
    return _page(visit).remove(visit)


@page("account", secret=True)
def archive(visit: Visit) -> HttpResponseBase:
    """The archive, for the session of its user alone."""
    return _page(visit).archive(visit)
