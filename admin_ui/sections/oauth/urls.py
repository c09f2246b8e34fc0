"""Where apps send people to sign in (the OAuth 2.0 API)."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

authorize = Views("admin_ui.sections.oauth.authorize")
legacy = Views("admin_ui.sections.oauth.legacy")
link = Views("admin_ui.sections.oauth.link")
register = Views("admin_ui.sections.oauth.register")
register_mail = Views("admin_ui.sections.oauth.register_mail")

urlpatterns = [
    path("authorize/", authorize.authorize, name="authorize"),
    path("app/", legacy.app, name="app"),
    path("link/", link.link, name="link"),
    path("register/", register.register, name="register"),
    path("register/mail/", register_mail.register_mail, name="register-mail"),
    path("register/mail/again/", register_mail.again, name="register-mail-again"),
]
