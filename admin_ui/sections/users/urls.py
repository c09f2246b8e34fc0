"""Accounts of this server."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.users import listing

urlpatterns = [
    path("users/", listing.users, name="users"),
]
