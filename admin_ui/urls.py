"""The addresses of the pages."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path, re_path

from admin_ui.not_found import not_found, not_found_in_account, not_found_in_setup
from admin_ui.static_files import static_file

# Each has `admin_ui/sections/<name>/urls.py` with `urlpatterns` below /admin/.
ADMIN_SECTIONS = (
    "sign_in",
    "dashboard",
    "checks",
    "graphs",
    "users",
    "invitations",
    "rooms",
    "media",
    "federation",
    "reports",
    "policies",
    "notices",
    "bridges",
    "calls",
    "settings",
    "backups",
    "tasks",
    "audit",
    "logs",
    "support",
    "api",
)
# The same below /account/.
ACCOUNT_SECTIONS = ("join", "oauth", "account", "language")
# The same below /setup/.
SETUP_SECTIONS = ("setup",)


def _patterns(
    sections: tuple[str, ...], otherwise: Callable[..., HttpResponseBase]
) -> list[URLPattern | URLResolver]:
    found = [
        pattern
        for section in sections
        for pattern in import_module(f"admin_ui.sections.{section}.urls").urlpatterns
    ]
    return [*found, re_path("", otherwise, name="not-found")]


urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", include((_patterns(ADMIN_SECTIONS, not_found), "admin"))),
    path("account/", include((_patterns(ACCOUNT_SECTIONS, not_found_in_account), "account"))),
    path("setup/", include((_patterns(SETUP_SECTIONS, not_found_in_setup), "setup"))),
    re_path(r"^static/", static_file),
]
