"""Backups."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.backups import views

urlpatterns = [
    path("backups/", views.overview, name="backups"),
    path("backups/make/", views.make, name="backup-make"),
    path("backups/kit/", views.fetch_kit, name="backup-kit"),
    path("backups/<str:name>/", views.detail, name="backup"),
    path("backups/<str:name>/verify/", views.verify, name="backup-verify"),
    path("backups/<str:name>/remove/", views.remove, name="backup-remove"),
    path("backups/<str:name>/fetch/<str:part>/", views.fetch, name="backup-fetch"),
]
