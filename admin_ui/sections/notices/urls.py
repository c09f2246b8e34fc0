"""Notices to users."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.notices import views

urlpatterns = [path("notices/", views.notices, name="notices")]
