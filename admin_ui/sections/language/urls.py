"""The language of the pages."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.language import views

urlpatterns = [path("language/", views.language, name="language")]
