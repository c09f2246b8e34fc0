"""Everybody's own account."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views
from admin_ui.sections.sign_in import views as sign_in
from matrix_app.services.web_sign_in import ACCOUNT

data = Views("admin_ui.sections.account.data")
devices = Views("admin_ui.sections.account.devices")
encryption = Views("admin_ui.sections.account.encryption")
entry = Views("admin_ui.sections.account.entry")
leaving = Views("admin_ui.sections.account.leaving")
passkeys = Views("admin_ui.sections.account.passkeys")
password = Views("admin_ui.sections.account.password")
profile = Views("admin_ui.sections.account.profile")
second_factor = Views("admin_ui.sections.account.second_factor")
sessions = Views("admin_ui.sections.account.sessions")

urlpatterns = [
    *[path(address, view, name=name) for address, view, name in sign_in.of_area(ACCOUNT)],
    path("", entry.home, name="home"),
    path("profile/", profile.profile, name="profile"),
    path("profile/picture/", profile.picture, name="picture"),
    path("profile/picture/set/", profile.set_picture, name="picture-set"),
    path("profile/addresses/add/", profile.add_address, name="address-add"),
    path("profile/addresses/remove/", profile.remove_address, name="address-remove"),
    path("device/", devices.view, name="device"),
    path("device/rename/", devices.rename, name="device-rename"),
    path("device/delete/", devices.delete, name="device-delete"),
    path("data/", data.data, name="data"),
    path("data/make/", data.make, name="data-make"),
    path("data/cancel/", data.cancel, name="data-cancel"),
    path("data/remove/", data.remove, name="data-remove"),
    path("data/archive/", data.archive, name="data-archive"),
    path("encryption/", encryption.encryption, name="encryption"),
    path("devices/", sessions.remove_devices, name="devices"),
    path("sessions/end/", sessions.end_session, name="session-end"),
    path("sessions/end-others/", sessions.end_others, name="sessions-end-others"),
    path("password/", password.password, name="password"),
    path("second-factors/", second_factor.second_factors, name="second-factors"),
    path("second-factors/add/", second_factor.add, name="second-factor-add"),
    path("second-factors/remove/", second_factor.remove, name="second-factor-remove"),
    path("second-factors/codes/", second_factor.codes, name="recovery-codes"),
    path("passkeys/begin/", passkeys.begin, name="passkey-begin"),
    path("passkeys/add/", passkeys.add, name="passkey-add"),
    path("passkeys/<int:nid>/rename/", passkeys.rename, name="passkey-rename"),
    path("passkeys/<int:nid>/remove/", passkeys.remove, name="passkey-remove"),
    path("deactivate/", leaving.deactivate, name="deactivate"),
]
