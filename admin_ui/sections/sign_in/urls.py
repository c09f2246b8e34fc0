"""Signing in to the administration, and out."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.sign_in import views
from matrix_app.services.web_sign_in import ADMIN

urlpatterns = [path(address, view, name=name) for address, view, name in views.of_area(ADMIN)]
