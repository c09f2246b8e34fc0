"""Where an invitation leads to."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.join import views

urlpatterns = [path("join/<str:token>/", views.join, name="join")]
