"""The Django application that owns every table of the homeserver."""

from django.apps import AppConfig


class StorageConfig(AppConfig):
    """Tables and migrations of the homeserver."""

    name = "matrix_app.storage"
    label = "storage"
    default_auto_field = "django.db.models.BigAutoField"
