"""The setup of a new server, step by step."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.setup import connectivity, ending, entry, names, options, owner

urlpatterns = [
    path("", entry.home, name="home"),
    path("unlock/", entry.unlock, name="unlock"),
    path("start/", entry.start, name="start"),
    path("names/", names.names, name="names"),
    path("restarting/", names.restarting, name="restarting"),
    path("connectivity/", connectivity.connectivity, name="connectivity"),
    path("connectivity/run/", connectivity.run, name="connectivity-run"),
    path("connectivity/rows/", connectivity.rows, name="connectivity-rows"),
    path("owner/", owner.owner, name="owner"),
    path("second-factor/", owner.second_factor, name="second-factor"),
    path("registration/", options.registration, name="registration"),
    path("calls/", options.calls, name="calls"),
    path("calls/try/", options.try_calls, name="calls-run"),
    path("calls/rows/", options.calls_rows, name="calls-rows"),
    path("mail/", options.mail, name="mail"),
    path("mail/test/", options.test_mail, name="mail-test"),
    path("backup/", ending.backup, name="backup"),
    path("kit/", ending.fetch_kit, name="kit"),
    path("finish/", ending.finish, name="finish"),
]
