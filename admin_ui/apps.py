"""Tells Django of the pages' templates, static files and translations."""

from django.apps import AppConfig


class AdminUiConfig(AppConfig):
    """The pages."""

    name = "admin_ui"
