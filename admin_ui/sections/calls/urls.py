"""Calls: TURN and conferences."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

views = Views("admin_ui.sections.calls.views")

urlpatterns = [
    path("calls/", views.calls, name="calls"),
    path("calls/rotate/", views.rotate, name="calls-rotate"),
    path("calls/turnserver/", views.turnserver, name="calls-turnserver"),
]
