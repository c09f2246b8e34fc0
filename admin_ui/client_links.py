"""Clients that people may use, and where they are found."""

from __future__ import annotations

from typing import NamedTuple


class ClientLink(NamedTuple):
    """A client: what it is called, where it runs, and where it is found."""

    name: str
    where: str
    address: str


CLIENTS = (
    ClientLink("Element Web", "web", "https://app.element.io/#/login"),
    ClientLink("Element X", "Android, iOS", "https://element.io/download"),
    ClientLink("FluffyChat", "Android, iOS, desktop", "https://fluffychat.im/"),
    ClientLink("Cinny", "web, desktop", "https://app.cinny.in/"),
)
