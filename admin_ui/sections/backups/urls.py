"""Backups."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

elsewhere = Views("admin_ui.sections.backups.elsewhere")
views = Views("admin_ui.sections.backups.views")

urlpatterns = [
    path("backups/", views.overview, name="backups"),
    path("backups/make/", views.make, name="backup-make"),
    path("backups/elsewhere/", elsewhere.overview, name="backups-elsewhere"),
    path("backups/elsewhere/test/", elsewhere.test, name="backups-elsewhere-test"),
    path("backups/elsewhere/host-key/", elsewhere.look_at_key, name="backups-host-key"),
    path("backups/elsewhere/trust/", elsewhere.trust, name="backups-trust"),
    path("backups/kit/", views.fetch_kit, name="backup-kit"),
    path("backups/<str:name>/", views.detail, name="backup"),
    path("backups/<str:name>/verify/", views.verify, name="backup-verify"),
    path("backups/<str:name>/upload/", elsewhere.upload, name="backup-upload"),
    path("backups/<str:name>/fetch-here/", elsewhere.fetch_here, name="backup-fetch-here"),
    path("backups/<str:name>/verify-there/", elsewhere.verify_there, name="backup-verify-there"),
    path("backups/<str:name>/download/", views.download, name="backup-download"),
    path("backups/<str:name>/remove/", views.remove, name="backup-remove"),
    path("backups/<str:name>/fetch/<str:part>/", views.fetch, name="backup-fetch"),
]
