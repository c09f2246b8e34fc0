"""Accounts of this server."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.users import actions, create, detail, listing

urlpatterns = [
    path("users/", listing.users, name="users"),
    path("users/new/", create.new_user, name="user-new"),
    path("users/deactivate/", listing.deactivate_chosen, name="users-deactivate"),
    path("users/<int:nid>/", detail.overview, name="user"),
    path("users/<int:nid>/devices/", detail.devices, name="user-devices"),
    path("users/<int:nid>/rooms/", detail.rooms, name="user-rooms"),
    path("users/<int:nid>/password/", actions.set_password, name="user-password"),
    *[path(f"users/<int:nid>/{name}/", view, name=f"user-{name}") for name, view in actions.ACTIONS.items()],
]
