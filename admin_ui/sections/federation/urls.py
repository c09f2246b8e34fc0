"""Other servers."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

denying = Views("admin_ui.sections.federation.denying")
views = Views("admin_ui.sections.federation.views")
test_server = Views("admin_ui.sections.federation.test_server").test_server

urlpatterns = [
    path("federation/", views.servers, name="federation"),
    path("federation/test/", test_server, name="federation-test"),
    path("federation/<str:name>/", views.server, name="federation-server"),
    path("federation/<str:name>/retry/", views.retry, name="federation-retry"),
    path("federation/<str:name>/deny/", denying.deny, name="federation-deny"),
    path("federation/<str:name>/allow/", denying.allow, name="federation-allow"),
]
