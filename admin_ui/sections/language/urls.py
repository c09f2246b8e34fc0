"""The language of the pages."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

views = Views("admin_ui.sections.language.views")

urlpatterns = [path("language/", views.language, name="language")]
