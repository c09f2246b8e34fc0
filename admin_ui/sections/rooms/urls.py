"""Rooms that this server knows."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

actions = Views("admin_ui.sections.rooms.actions")
chosen = Views("admin_ui.sections.rooms.chosen")
detail = Views("admin_ui.sections.rooms.detail")
listing = Views("admin_ui.sections.rooms.listing")
media = Views("admin_ui.sections.rooms.media")
structure = Views("admin_ui.sections.rooms.structure")

urlpatterns = [
    path("rooms/", listing.rooms, name="rooms"),
    path("rooms/chosen/<str:deed>/", chosen.chosen, name="rooms-chosen"),
    path("rooms/<int:nid>/", detail.overview, name="room"),
    path("rooms/<int:nid>/members/", detail.members, name="room-members"),
    path("rooms/<int:nid>/media/", media.media, name="room-media"),
    path("rooms/<int:nid>/media/quarantine/", media.quarantine, name="room-media-quarantine"),
    path("rooms/<int:nid>/state/", detail.state, name="room-state"),
    path("rooms/<int:nid>/space/", structure.space, name="room-space"),
    path("rooms/<int:nid>/ends/", structure.ends, name="room-ends"),
    *[
        path(f"rooms/<int:nid>/{name}/", view, name=f"room-{name.replace('/', '-')}")
        for name, view in actions.ACTIONS.entries(
            "block", "publish", "make-admin", "delete", "purge", "add-user", "ends/join"
        )
    ],
]
