"""One of one's own devices: what is known of it, its name, its end."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.protocol.errors import NotFound
from matrix_app.services import audit
from matrix_app.services.administer_account import remove_devices
from matrix_app.services.device_trust import is_verified
from matrix_app.services.last_seen import latest
from matrix_app.services.oauth.sessions import app_of
from matrix_app.services.update_device import rename_device
from matrix_app.storage import db, devices
from matrix_app.storage.devices import DeviceRow


def _found(visit: Visit) -> DeviceRow:
    device_id = visit.form.get("device_id", "") if visit.is_post else visit.query("device_id")
    found = devices.find(visit.session.user_nid, device_id.replace("\0", ""))
    if found is None or found.hidden:
        raise NotFound(_t("You have no such device; maybe it has been signed out already."))
    return found


def _address(device: DeviceRow) -> str:
    return f"{reverse('account:device')}?{urlencode({'device_id': device.device_id})}"


def _shown(visit: Visit, *, ending: bool) -> HttpResponse:
    device = _found(visit)
    return visit.page(
        "account/device",
        tab="overview",
        device=device,
        seen=latest(device.nid, device.user_nid),
        verified=is_verified(visit.session.user_id, device),
        ending=ending,
        signed_in=app_of(device.nid),
    )


@page("account")
def view(visit: Visit) -> HttpResponse:
    """What is known of a device."""
    return _shown(visit, ending=False)


@page("account")
def rename(visit: Visit) -> HttpResponse:
    """Give a device another name."""
    if not visit.is_post:
        return visit.redirect(reverse("account:home"))
    device = _found(visit)
    with db.write():
        rename_device(device, visit.form.get("name", "").strip())
        audit.record(visit.actor, "account.rename_device", visit.session.user_id, device=device.device_id)
    return visit.redirect(_address(device), _t("The device has another name now."))


@page("account", confirmed=True)
def delete(visit: Visit) -> HttpResponse:
    """Sign a device out; a link leads to the page that asks first."""
    if not visit.is_post:
        return _shown(visit, ending=True)
    device = _found(visit)
    remove_devices(visit.actor, visit.session.user_id, [device.device_id])
    return visit.redirect(reverse("account:home"), _t("The device has been signed out."))
