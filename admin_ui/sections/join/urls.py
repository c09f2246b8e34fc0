"""Where an invitation leads to."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

views = Views("admin_ui.sections.join.views")

urlpatterns = [path("join/<str:token>/", views.join, name="join")]
