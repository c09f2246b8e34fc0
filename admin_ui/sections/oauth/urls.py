"""Where apps send people to sign in (the OAuth 2.0 API)."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.oauth import authorize, legacy, link, register

urlpatterns = [
    path("authorize/", authorize.authorize, name="authorize"),
    path("app/", legacy.app, name="app"),
    path("link/", link.link, name="link"),
    path("register/", register.register, name="register"),
]
