"""The menu of the administration pages, as data."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Entry(NamedTuple):
    """A line of the menu: the name of its page's URL, a label, and an icon of `icons.svg`.

    `below` is the part of the URL name that all pages of the section begin with.
    """

    url: str
    label: Promise | str
    icon: str
    below: str


class Group(NamedTuple):
    """Lines of the menu under a heading."""

    label: Promise | str
    entries: tuple[Entry, ...]


MENU: tuple[Group, ...] = (
    Group(
        _("Overview"),
        (
            Entry("admin:dashboard", _("Dashboard"), "home", "dashboard"),
            Entry("admin:checks", _("Checks"), "checks", "checks"),
            Entry("admin:graphs", _("Graphs"), "graphs", "graphs"),
        ),
    ),
    Group(
        _("People"),
        (
            Entry("admin:users", _("Users"), "users", "user"),
            Entry("admin:invitations", _("Invitations"), "invite", "invitation"),
            Entry("admin:notices", _("Notices"), "reports", "notice"),
        ),
    ),
    Group(
        _("Rooms"),
        (
            Entry("admin:rooms", _("Rooms"), "rooms", "room"),
            Entry("admin:media", _("Media"), "media", "media"),
            Entry("admin:reports", _("Reports"), "reports", "report"),
            Entry("admin:policy-lists", _("Policy lists"), "lock", "policy"),
            Entry("admin:federation", _("Other servers"), "federation", "federation"),
        ),
    ),
    Group(
        _("Server"),
        (
            Entry("admin:bridges", _("Bridges"), "bridges", "bridge"),
            Entry("admin:calls", _("Calls"), "calls", "call"),
            Entry("admin:settings", _("Settings"), "settings", "settings"),
            Entry("admin:backups", _("Backups"), "backups", "backup"),
            Entry("admin:tasks", _("Tasks"), "tasks", "task"),
            Entry("admin:logs", _("Logs"), "logs", "logs"),
            Entry("admin:audit", _("Audit log"), "audit", "audit"),
            Entry("admin:support", _("Support bundle"), "download", "support"),
            Entry("admin:api", _("Administrators' API"), "bridges", "api"),
        ),
    ),
)
