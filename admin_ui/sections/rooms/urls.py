"""Rooms that this server knows."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.rooms import actions, detail, listing, media

urlpatterns = [
    path("rooms/", listing.rooms, name="rooms"),
    path("rooms/chosen/<str:deed>/", actions.chosen, name="rooms-chosen"),
    path("rooms/<int:nid>/", detail.overview, name="room"),
    path("rooms/<int:nid>/members/", detail.members, name="room-members"),
    path("rooms/<int:nid>/media/", media.media, name="room-media"),
    path("rooms/<int:nid>/media/quarantine/", media.quarantine, name="room-media-quarantine"),
    path("rooms/<int:nid>/state/", detail.state, name="room-state"),
    *[path(f"rooms/<int:nid>/{name}/", view, name=f"room-{name}") for name, view in actions.ACTIONS.items()],
]
