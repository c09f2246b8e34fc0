"""What an administrator does with several accounts that were chosen: first it is shown, then done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from admin_ui.faults import told
from admin_ui.keyset import read_numbers
from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.protocol.errors import MatrixError, NotFound
from matrix_app.services import administer_account, remove_chosen_media, send_notice
from matrix_app.storage import accounts, media_listing, user_rooms
from matrix_app.storage.accounts import Account

# More than a page of the list cannot be chosen.
MOST: Final = 200
# Does something with accounts: where to go, the message there, and its kind.
Deed = Callable[[Visit, Sequence[Account]], tuple[str, str, str]]


@page("admin", confirmed=True)
def chosen(visit: Visit, deed: str) -> HttpResponse:
    """Show what would be done with the chosen accounts; do it once that was confirmed."""
    if deed not in DEEDS:
        raise NotFound(_t("There is no such page"))
    nids = read_numbers(visit.form.getlist("chosen")[:MOST]) if visit.is_post else []
    found = accounts.some(nids)
    if not found:
        return visit.redirect(reverse("admin:users"))
    if visit.form.get("go"):
        return visit.redirect(*DEEDS[deed](visit, found))
    return visit.page(
        f"users/chosen_{deed}",
        deed=deed,
        chosen=found,
        media=media_listing.totals_of_some(nids),
        rooms=user_rooms.count_joined_of(nids),
    )


def _require_count(visit: Visit, found: Sequence[Account]) -> None:
    visit.require_typed(str(len(found)))


def _deactivate(visit: Visit, found: Sequence[Account]) -> tuple[str, str, str]:
    _require_count(visit, found)
    refused = []
    for account in found:
        try:
            administer_account.deactivate(visit.actor, account.user_id, erase=visit.form.get("erase") == "on")
        except MatrixError as error:
            refused.append(f"{account.user_id}: {told(error)}")
    if refused:
        return reverse("admin:users"), "; ".join(refused), "error"
    done = ngettext("%d account has been deactivated.", "%d accounts have been deactivated.", len(found))
    return reverse("admin:users"), done % len(found), "ok"


def _media(visit: Visit, found: Sequence[Account]) -> tuple[str, str, str]:
    _require_count(visit, found)
    nid = remove_chosen_media.remove_of_users(visit.actor, [account.user_nid for account in found])
    return reverse("admin:task", args=[nid]), "", "ok"


def _notice(visit: Visit, found: Sequence[Account]) -> tuple[str, str, str]:
    nids = [account.user_nid for account in found]
    nid = send_notice.send_to_some(visit.actor, nids, visit.form.get("text", ""))
    return reverse("admin:task", args=[nid]), _t("The notice is being sent."), "ok"


DEEDS: Final[dict[str, Deed]] = {"deactivate": _deactivate, "media": _media, "notice": _notice}
