"""What belongs to an account: its media, where its notifications go, its addresses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

import orjson
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from admin_ui.keyset import read_number
from admin_ui.page import page
from admin_ui.sections.media.views import COLUMNS as MEDIA_COLUMNS
from admin_ui.sections.users.detail import found_account, shown
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.templatetags.hearth import bytes_text
from admin_ui.visit import Visit
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services import administer_account, edit_account, quarantine_media, remove_media
from matrix_app.services.edit_account import Address
from matrix_app.services.shown_account_data import without_secrets
from matrix_app.storage import media_listing, threepids
from matrix_app.storage import pushers as stored_pushers
from matrix_app.storage.accounts import Account

# Does something with an account: the message for the page.
Deed = Callable[[Visit, Account], str]
_LONGEST: Final = 320
# Of the account data, a page shows so many entries.
MOST_ENTRIES: Final = 500
PUSHER_COLUMNS: Final = (
    Column(_("Application")),
    Column(_("Where to")),
    Column(_("State")),
    Column(_("Last success")),
    Column(_("Remove")),
)


@page("admin")
def media(visit: Visit, nid: int) -> HttpResponse:
    """What a user has uploaded, the newest first."""
    account = found_account(nid)
    rows = media_listing.newest_of_user(nid, read_number(visit.query("after")), PAGE_SIZE + 1)
    totals = media_listing.totals_of_user(nid)
    table = Table(
        visit,
        MEDIA_COLUMNS,
        rows,
        key=lambda row: row.nid,
        total=totals.media,
        empty=_("This user has uploaded nothing."),
        selectable=True,
    )
    return shown(visit, "media", account, "media", table=table, totals=totals)


@page("admin")
def pushers(visit: Visit, nid: int) -> HttpResponse:
    """Where a user's notifications are pushed."""
    found = stored_pushers.page(nid, before=read_number(visit.query("after")), limit=PAGE_SIZE + 1)
    table = Table(
        visit,
        PUSHER_COLUMNS,
        [(row, orjson.loads(row.data)) for row in found],
        key=lambda row: row[0].nid,
        empty=_("Nothing is pushed to this user."),
    )
    return shown(visit, "pushers", found_account(nid), "pushers", table=table)


@page("admin")
def addresses(visit: Visit, nid: int) -> HttpResponse:
    """The mail addresses of a user."""
    return shown(visit, "addresses", found_account(nid), "addresses", addresses=threepids.of_user(nid))


@page("admin")
def account_data(visit: Visit, nid: int) -> HttpResponse:
    """What a user's clients keep here, but for their secrets."""
    account = found_account(nid)
    found = without_secrets(account.user_nid)
    places = [("", found.everywhere), *sorted(found.rooms.items())]
    entries = [
        (room_id, name, json.dumps(content, indent=2, ensure_ascii=False))
        for room_id, kept in places
        for name, content in sorted(kept.items())
    ]
    values = {"entries": entries[:MOST_ENTRIES], "count": len(entries)}
    return shown(visit, "account_data", account, "account-data", **values)


def _action(deed: Deed, tab: str, *, confirmed: bool = True) -> Callable[..., HttpResponseBase]:
    @page("admin", confirmed=confirmed)
    def answer(visit: Visit, nid: int) -> HttpResponse:
        message = deed(visit, found_account(nid)) if visit.is_post else ""
        return visit.redirect(reverse(f"admin:user-{tab}", args=[nid]), message)

    return answer


def _quarantine(visit: Visit, account: Account) -> str:
    count = quarantine_media.quarantine_of_user(visit.actor, account.user_id, account.user_nid)
    return ngettext("%d file is in quarantine.", "%d files are in quarantine.", count) % count


def _remove(visit: Visit, account: Account) -> str:
    visit.require_typed(account.user_id)
    removed = remove_media.remove_of_user(visit.actor, account.user_id, account.user_nid)
    count = len(removed.media_ids)
    message = ngettext(
        "%(count)d file has been removed: %(size)s.", "%(count)d files have been removed: %(size)s.", count
    )
    return message % {"count": count, "size": bytes_text(removed.size)}


def _remove_pusher(visit: Visit, account: Account) -> str:
    number = read_number(visit.form.get("pusher", ""))
    administer_account.remove_pusher(visit.actor, account.user_id, number or 0)
    return _t("Nothing is pushed there any more.")


def _present(account: Account) -> list[Address]:
    return [Address(row.medium, row.address) for row in threepids.of_user(account.user_nid)]


def _add_address(visit: Visit, account: Account) -> str:
    address = visit.form.get("address", "").strip().replace("\0", "")
    if not address or len(address) > _LONGEST:
        raise InvalidParam(_t("Say which address"))
    edit_account.set_addresses(visit.actor, account, [*_present(account), Address("email", address)])
    return _t("The address has been added.")


def _remove_address(visit: Visit, account: Account) -> str:
    gone = visit.form.get("address", "")
    kept = [known for known in _present(account) if known.address != gone]
    edit_account.set_addresses(visit.actor, account, kept)
    return _t("The address has been removed.")


ACTIONS: dict[str, Callable[..., HttpResponseBase]] = {
    "media/quarantine": _action(_quarantine, "media"),
    "media/remove": _action(_remove, "media"),
    "pushers/remove": _action(_remove_pusher, "pushers", confirmed=False),
    "addresses/add": _action(_add_address, "addresses"),
    "addresses/remove": _action(_remove_address, "addresses"),
}
