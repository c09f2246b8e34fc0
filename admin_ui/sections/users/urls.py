"""Accounts of this server."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

actions = Views("admin_ui.sections.users.actions")
belongings = Views("admin_ui.sections.users.belongings")
chosen = Views("admin_ui.sections.users.chosen")
create = Views("admin_ui.sections.users.create")
data = Views("admin_ui.sections.users.data")
detail = Views("admin_ui.sections.users.detail")
export = Views("admin_ui.sections.users.export")
importing = Views("admin_ui.sections.users.importing")
limits = Views("admin_ui.sections.users.limits")
listing = Views("admin_ui.sections.users.listing")
picture = Views("admin_ui.sections.users.picture")

urlpatterns = [
    path("users/", listing.users, name="users"),
    path("users/check-name/", create.check_name, name="user-check-name"),
    path("users/new/", create.new_user, name="user-new"),
    path("users/chosen/<str:deed>/", chosen.chosen, name="users-chosen"),
    path("users/export/", export.export, name="users-export"),
    path("users/import/", importing.upload_table, name="users-import"),
    path("users/import/<int:nid>/", importing.table, name="users-import-table"),
    path("users/import/<int:nid>/begin/", importing.begin, name="users-import-begin"),
    path("users/import/<int:nid>/passwords/", importing.passwords, name="users-import-passwords"),
    path("users/import/<int:nid>/skipped/", importing.skipped, name="users-import-skipped"),
    path("users/import/<int:nid>/forget/", importing.forget, name="users-import-forget"),
    path("users/<int:nid>/", detail.overview, name="user"),
    path("users/<int:nid>/picture/", picture.picture, name="user-picture"),
    path("users/<int:nid>/devices/", detail.devices, name="user-devices"),
    path("users/<int:nid>/rooms/", detail.rooms, name="user-rooms"),
    path("users/<int:nid>/media/", belongings.media, name="user-media"),
    path("users/<int:nid>/pushers/", belongings.pushers, name="user-pushers"),
    path("users/<int:nid>/account-data/", belongings.account_data, name="user-account-data"),
    path("users/<int:nid>/data/", data.data, name="user-data"),
    path("users/<int:nid>/data/make/", data.make, name="user-data-make"),
    path("users/<int:nid>/data/cancel/", data.cancel, name="user-data-cancel"),
    path("users/<int:nid>/data/remove/", data.remove, name="user-data-remove"),
    path("users/<int:nid>/data/archive/", data.archive, name="user-data-archive"),
    path("users/<int:nid>/addresses/", belongings.addresses, name="user-addresses"),
    *[
        path(f"users/<int:nid>/{name}/", view, name=f"user-{name.replace('/', '-')}")
        for name, view in belongings.ACTIONS.entries(
            "media/quarantine", "media/remove", "pushers/remove", "addresses/add", "addresses/remove"
        )
    ],
    path("users/<int:nid>/limits/", limits.own_limits, name="user-limits"),
    path("users/<int:nid>/limits/remove/", limits.remove, name="user-limits-remove"),
    path("users/<int:nid>/password/", actions.set_password, name="user-password"),
    *[
        path(f"users/<int:nid>/{name}/", view, name=f"user-{name}")
        for name, view in actions.ACTIONS.entries(
            "lock",
            "suspend",
            "admin",
            "sign-out",
            "remove-devices",
            "rename-device",
            "reset-second-factor",
            "deactivate",
            "redact",
        )
    ],
]
