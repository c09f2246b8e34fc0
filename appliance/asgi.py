"""The ASGI application that web servers load: `appliance.asgi:application`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
django.setup()

from matrix_app.http.application import Application  # noqa: E402

application = Application()
