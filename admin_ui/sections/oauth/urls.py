"""Where apps send people to sign in (the OAuth 2.0 API)."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.oauth import authorize, legacy, link, register, register_mail

urlpatterns = [
    path("authorize/", authorize.authorize, name="authorize"),
    path("app/", legacy.app, name="app"),
    path("link/", link.link, name="link"),
    path("register/", register.register, name="register"),
    path("register/mail/", register_mail.register_mail, name="register-mail"),
    path("register/mail/again/", register_mail.again, name="register-mail-again"),
]
