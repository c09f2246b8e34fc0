"""Clients that people may use, and where they are found."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class ClientLink(NamedTuple):
    """A client: what it is called, where it runs, and where it is found."""

    name: str
    where: Promise | str
    address: str


CLIENTS = (
    ClientLink("Element Web", _("web"), "https://app.element.io/#/login"),
    ClientLink("Element X", "Android, iOS", "https://element.io/download"),
    ClientLink("FluffyChat", _("Android, iOS, desktop"), "https://fluffychat.im/"),
    ClientLink("Cinny", _("web, desktop"), "https://app.cinny.in/"),
)
