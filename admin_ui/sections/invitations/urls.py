"""Invitations: registration tokens."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

views = Views("admin_ui.sections.invitations.views")

urlpatterns = [
    path("invitations/", views.invitations, name="invitations"),
    path("invitations/new/", views.new, name="invitation-new"),
    path("invitations/<str:token>/", views.invitation, name="invitation"),
    path("invitations/<str:token>/delete/", views.delete, name="invitation-delete"),
]
