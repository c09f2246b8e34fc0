"""What one shows of oneself, and one's mail addresses."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.visit import Visit
from appliance.config import get_config
from matrix_app.http.file_answer import ranged
from matrix_app.media.content_types import bare_type
from matrix_app.protocol.errors import InvalidParam, MatrixError, NotFound
from matrix_app.protocol.ids import Mxc, parse_mxc
from matrix_app.services import mail, profiles
from matrix_app.services.awaited import Awaited
from matrix_app.services.find_media import Wish, find_media
from matrix_app.services.threepids import own_addresses
from matrix_app.services.upload_media import Upload, upload
from matrix_app.storage import profiles as stored_profiles
from matrix_app.storage import threepids
from matrix_app.storage.local_server import local_server_name

# Pictures are shown in pages and drawn small by every client.
MOST_PICTURE_BYTES: Final = 8_000_000
_PICTURES: Final = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))
_POLICY: Final = "sandbox; default-src 'none'"


class NameForm(forms.Form):
    """The name that others see."""

    name = forms.CharField(label=_("Display name"), max_length=256, required=False)


@page("account")
def profile(visit: Visit) -> HttpResponse:
    """Change what one shows, and see one's mail addresses with the one that is being added."""
    nid = visit.session.user_nid
    fields = stored_profiles.get_fields(nid)
    form = NameForm(visit.form if visit.is_post else None, initial={"name": fields.get("displayname", "")})
    form.label_suffix = ""
    if visit.is_post and form.is_valid():
        try:
            profiles.set_own(visit.actor, visit.requester, "displayname", form.cleaned_data["name"])
        except MatrixError as error:
            form.add_error("name", told(error))
        else:
            return _back(visit, _t("Your name has been changed."))
    known = threepids.of_user(nid)
    asked = visit.query("address")[:320]
    waits = bool(asked) and all(row.address != threepids.canonical("email", asked) for row in known)
    return visit.page(
        "account/profile",
        tab="profile",
        form=form,
        picture=_own_picture(fields),
        addresses=known,
        sends_mail=mail.is_configured(),
        waiting=asked if waits else "",
        confirmed=waits and own_addresses.is_confirmed(nid, asked),
        may_change=get_config().registration.allow_profile_change or visit.session.is_admin,
    )


def _back(visit: Visit, message: str, kind: str = "ok") -> HttpResponse:
    return visit.redirect(reverse("account:profile"), message, kind)


def _own_picture(fields: dict[str, object]) -> Mxc | None:
    try:
        mxc = parse_mxc(str(fields.get("avatar_url", "")))
    except InvalidParam:
        return None
    return mxc if mxc.server_name == local_server_name() else None


@page("account")
def picture(visit: Visit) -> HttpResponseBase:
    """One's own picture, as it was uploaded here."""
    mxc = _own_picture(stored_profiles.get_fields(visit.session.user_nid))
    found = None if mxc is None else find_media(mxc, Wish(wait_ms=0, allow_remote=False))
    if found is None or isinstance(found, Awaited) or bare_type(found.content_type) not in _PICTURES:
        raise NotFound(_t("You have no picture here."))
    headers = {
        "Content-Type": found.content_type,
        "Content-Disposition": "inline",
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "private, no-cache",
        "ETag": f'"{found.sha256.hex()}"',
    }
    return ranged(found, headers, visit.http.META)


@page("account")
def set_picture(visit: Visit) -> HttpResponse:
    """Show another picture, or none."""
    given = visit.http.FILES.get("picture")
    if not visit.is_post:
        return _back(visit, "")
    if visit.form.get("remove"):
        profiles.set_own(visit.actor, visit.requester, "avatar_url", "")
        return _back(visit, _t("Your picture has been removed."))
    if not isinstance(given, UploadedFile):
        raise InvalidParam(_t("Choose a picture first."))
    profiles.set_own(visit.actor, visit.requester, "avatar_url", _uploaded(visit, given))
    return _back(visit, _t("Your picture has been changed."))


def _uploaded(visit: Visit, given: UploadedFile[Any]) -> str:
    file, size, kind = given.file, given.size or 0, bare_type(given.content_type or "")
    if file is None:
        raise InvalidParam(_t("Choose a picture first."))
    if kind not in _PICTURES:
        raise InvalidParam(_t("Only JPEG, PNG, GIF and WebP pictures can be shown."))
    if size > MOST_PICTURE_BYTES:
        raise InvalidParam(_t("The picture is too large: eight megabytes are the most."))
    return str(upload(visit.requester, Upload(file, size, kind, given.name)))


@page("account", confirmed=True)
def add_address(visit: Visit) -> HttpResponse:
    """Ask for a mail to an address, or add the one whose link was followed."""
    if not visit.is_post:
        return _back(visit, "")
    address = visit.form.get("address", "").strip().replace("\0", "")
    if own_addresses.is_confirmed(visit.session.user_nid, address):
        own_addresses.add(visit.actor, visit.requester, address)
        return _back(visit, _t("The address belongs to your account now."))
    address = own_addresses.ask(visit.actor, visit.requester, address)
    return visit.redirect(own_addresses.page_of(address), _t("Follow the link in the mail that you get now."))


@page("account", confirmed=True)
def remove_address(visit: Visit) -> HttpResponse:
    """Remove one of one's addresses."""
    address = visit.form.get("address", "").replace("\0", "")
    if not visit.is_post or not address:
        return _back(visit, "")
    if own_addresses.remove(visit.actor, visit.requester, address):
        return _back(visit, _t("The address has been removed."))
    return _back(
        visit,
        _t("The address has been removed here, but an identity server still knows that it is yours."),
        "warn",
    )
