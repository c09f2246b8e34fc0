"""What an administrator does with media: one, several that were chosen, or all that are old."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.sections.media.views import CleanForm, mxc_of
from admin_ui.templatetags.hearth import bytes_text
from admin_ui.visit import Visit
from matrix_app.protocol.errors import InvalidParam, MatrixError, NotFound
from matrix_app.protocol.ids import Mxc
from matrix_app.services import list_media, quarantine_media, remove_media
from matrix_app.storage.clock import now_ms
from matrix_app.storage.media_sweep import Old

_DAY_MS = 24 * 3_600_000

# Does something with media; the message for the page.
Deed = Callable[[Visit, Mxc], str]


def _quarantine(visit: Visit, mxc: Mxc) -> str:
    count = quarantine_media.quarantine(visit.actor, mxc)
    return _t("In quarantine.") if count else _t("Protected media are not put into quarantine.")


def _release(visit: Visit, mxc: Mxc) -> str:
    quarantine_media.end_quarantine(visit.actor, mxc)
    return _t("No longer in quarantine.")


def _protect(visit: Visit, mxc: Mxc) -> str:
    protected = list_media.describe(mxc).protected_ts is None
    quarantine_media.set_protected(visit.actor, mxc, protected)
    return _t("Protected.") if protected else _t("No longer protected.")


def _block(visit: Visit, mxc: Mxc) -> str:
    found = list_media.describe(mxc)
    if found.sha256 is None:
        raise NotFound(_t("The file is not here"))
    if found.blocked_ts is None:
        quarantine_media.block_file(visit.actor, found.sha256)
        return _t("The file is blocked, whoever sends it.")
    quarantine_media.unblock_file(visit.actor, found.sha256)
    return _t("The file is no longer blocked.")


def _remove(visit: Visit, mxc: Mxc) -> str:
    remove_media.remove_one(visit.actor, mxc)
    return _t("Removed.")


DEEDS: dict[str, Deed] = {
    "quarantine": _quarantine,
    "release": _release,
    "protect": _protect,
    "block": _block,
    "remove": _remove,
}


def _deed(name: str) -> Deed:
    if name not in DEEDS:
        raise NotFound(_t("There is no such page"))
    return DEEDS[name]


@page("admin", confirmed=True)
def one(visit: Visit, server_name: str, media_id: str, deed: str) -> HttpResponse:
    """Do something with media."""
    message = _deed(deed)(visit, mxc_of(server_name, media_id)) if visit.is_post else ""
    if deed == "remove" and message:
        return visit.redirect(reverse("admin:media-list"), message)
    return visit.redirect(reverse("admin:media-entry", args=[server_name, media_id]), message)


@page("admin", confirmed=True)
def chosen(visit: Visit, deed: str) -> HttpResponse:
    """Do something with each of the chosen; those that could not be are named."""
    act, refused = _deed(deed), []
    for text in visit.form.getlist("chosen") if visit.is_post else []:
        server_name, _slash, media_id = text.partition("/")
        try:
            act(visit, mxc_of(server_name, media_id))
        except MatrixError as error:
            refused.append(f"{text}: {told(error)}")
    if refused:
        return visit.redirect(reverse("admin:media-list"), "; ".join(refused), "error")
    return visit.redirect(reverse("admin:media-list"), _t("Done.") if visit.is_post else "")


@page("admin", confirmed=True)
def clean(visit: Visit) -> HttpResponse:
    """Remove what nobody has looked at for long."""
    address = reverse("admin:media")
    if not visit.is_post:
        return visit.redirect(address)
    form = CleanForm(visit.form)
    if not form.is_valid():
        raise InvalidParam(_t("Say what is to be removed"))
    given = form.cleaned_data
    before = now_ms() - given["days"] * _DAY_MS
    if given["what"] == "fetched":
        removed = remove_media.remove_fetched(visit.actor, before)
    else:
        larger = (given["larger_than_mib"] or 0) << 20
        removed = remove_media.remove_old(visit.actor, Old(unused_since=before, larger_than=larger))
    count, size = len(removed.media_ids), bytes_text(removed.size)
    message = ngettext(
        "%(count)d file has been removed: %(size)s.", "%(count)d files have been removed: %(size)s.", count
    )
    return visit.redirect(address, message % {"count": count, "size": size})
