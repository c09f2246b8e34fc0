"""Settings."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

certificate = Views("admin_ui.sections.settings.certificate")
dns = Views("admin_ui.sections.settings.dns")
effective = Views("admin_ui.sections.settings.effective")
views = Views("admin_ui.sections.settings.views")

urlpatterns = [
    path("settings/", views.index, name="settings"),
    path("settings/effective/", effective.effective, name="settings-effective"),
    path("settings/effective/restart/", effective.restart, name="settings-restart"),
    path("settings/effective/restarting/", effective.restarting, name="settings-restarting"),
    path("settings/effective/zone/", effective.zone, name="settings-zone"),
    path("settings/dns/", dns.dns, name="settings-dns"),
    path("settings/certificate/", certificate.certificate, name="settings-certificate"),
    path("settings/certificate/remove/", certificate.remove, name="settings-certificate-remove"),
    path("settings/mail/test/", views.test_mail, name="settings-test-mail"),
    path("settings/<str:name>/", views.section, name="settings-section"),
    path("settings/<str:name>/reset/", views.reset, name="settings-reset"),
]
