"""Bridges and bots as application services."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

views = Views("admin_ui.sections.bridges.views")

urlpatterns = [
    path("bridges/", views.bridges, name="bridges"),
    path("bridges/new/", views.new, name="bridge-new"),
    path("bridges/<path:service_id>/download/", views.download, name="bridge-download"),
    *[
        path(f"bridges/<path:service_id>/{name}/", view, name=f"bridge-{name}")
        for name, view in views.ACTIONS.entries("pause", "ping", "rotate", "remove")
    ],
    path("bridges/<path:service_id>/", views.bridge, name="bridge"),
]
