"""An account: what it is, its devices and sessions, its rooms."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.device_table import device_table
from admin_ui.keyset import read_number
from admin_ui.page import page
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.protocol.errors import NotFound
from matrix_app.services.second_factor import has_second_factor
from matrix_app.storage import accounts, audit, profiles, threepids, user_rooms, web_sessions
from matrix_app.storage import devices as stored_devices
from matrix_app.storage.accounts import Account

SHOWN_SESSIONS = 20
DEVICE_COLUMNS = (Column(_("Device")), Column(_("Made")), Column(_("Last seen")), Column(_("From")))
ROOM_COLUMNS = (Column(_("Room")), Column(_("Membership")), Column(_("Members"), align="number"))


def found_account(nid: int) -> Account:
    """The account of an address; raises `NotFound`."""
    account = accounts.get(nid)
    if account is None:
        raise NotFound(_t("There is no such user"))
    return account


def shown(visit: Visit, template: str, account: Account, tab: str, **values: Any) -> HttpResponse:
    """A tab of an account."""
    name = profiles.get_fields(account.user_nid).get("displayname")
    is_own = account.user_nid == visit.session.user_nid
    context: dict[str, Any] = {
        "account": account,
        "display_name": name,
        "tab": tab,
        "is_own": is_own,
        **values,
    }
    return visit.page(f"users/{template}", **context)


@page("admin")
def overview(visit: Visit, nid: int) -> HttpResponse:
    """What is known of an account, and what can be done with it."""
    account = found_account(nid)
    return shown(
        visit,
        "overview",
        account,
        "overview",
        addresses=threepids.of_user(nid),
        rooms=user_rooms.count_joined(nid),
        devices=stored_devices.count(nid),
        second_factor=has_second_factor(nid),
        history=audit.page(before=None, limit=10, target=account.user_id),
    )


@page("admin")
def devices(visit: Visit, nid: int) -> HttpResponse:
    """Where a user is signed in."""
    account = found_account(nid)
    table = device_table(visit, nid, DEVICE_COLUMNS, _("The user is signed in on no device."))
    sessions = web_sessions.of_user(nid, SHOWN_SESSIONS)
    more = web_sessions.count(nid) - len(sessions)
    return shown(visit, "devices", account, "devices", table=table, web_sessions=sessions, more=more)


@page("admin")
def rooms(visit: Visit, nid: int) -> HttpResponse:
    """The rooms that a user is in."""
    account = found_account(nid)
    rows = user_rooms.page(nid, after=read_number(visit.query("after")) or 0, limit=PAGE_SIZE + 1)
    table = Table(
        visit, ROOM_COLUMNS, rows, key=lambda row: row.room_nid, empty=_("This user is in no room.")
    )
    return shown(visit, "rooms", account, "rooms", table=table)
