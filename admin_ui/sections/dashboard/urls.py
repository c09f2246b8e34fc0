"""The first page of the administration."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.dashboard import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("", views.dashboard, name="home"),
]
