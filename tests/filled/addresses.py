"""Every address of the pages, out of the URL configuration: a page that is new is among them by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from admin_ui.sections.media.actions import DEEDS
from admin_ui.sections.settings.views import sections
from tests.filled.apps import parameters_of
from tests.filled.filling import NOTHING, Filled

AREAS: Final = ("admin", "account", "setup")


class Address(NamedTuple):
    """An address that can be opened: its area, the name of its URL, and its path."""

    area: str
    name: str
    path: str


Values = Callable[[Filled], list[Any]]
# What stands for a parameter: by the beginning of the URL's name, and the parameter's name.
EXAMPLES: Final[dict[tuple[str, str], Values]] = {
    ("users-import", "nid"): lambda filled: [filled.user_import],
    ("policy", "nid"): lambda filled: [filled.policy],
    ("user", "nid"): lambda filled: [filled.user],
    ("rooms", "deed"): lambda _: ["block", "delete", "media"],
    ("users", "deed"): lambda _: ["deactivate", "media", "notice"],
    ("room", "nid"): lambda filled: [filled.room],
    ("passkey", "nid"): lambda filled: [filled.passkey],
    ("report", "nid"): lambda filled: [filled.report],
    ("task", "nid"): lambda filled: [filled.task],
    ("invitation", "token"): lambda filled: [filled.invitation],
    ("join", "token"): lambda filled: [filled.invitation],
    ("federation", "name"): lambda filled: [filled.server],
    ("media", "server_name"): lambda filled: [filled.media_server],
    ("media", "media_id"): lambda filled: [filled.media],
    ("media", "deed"): lambda _: list(DEEDS),
    ("bridge", "service_id"): lambda filled: [filled.bridge],
    ("backup", "name"): lambda filled: [filled.backup],
    ("backup", "part"): lambda _: ["manifest.json"],
    ("restore", "name"): lambda filled: [filled.backup],
    ("restore", "nid"): lambda filled: [filled.task],
    ("restore", "kind"): lambda _: ["s3", "sftp"],
    ("restore", "mark"): lambda _: [NOTHING],
    ("restore", "at"): lambda _: [0],
    ("support", "name"): lambda _: [NOTHING],
    ("check", "id"): lambda _: ["database.connect", "names.dnssec"],
    ("settings", "name"): lambda _: list(sections()),
}
# What must stand behind the path of an address, by the area and the name of its URL.
QUERIES: Final[dict[tuple[str, str], Callable[[Filled], dict[str, str]]]] = {
    ("account", "device"): lambda filled: {"device_id": filled.device},
    ("account", "device-delete"): lambda filled: {"device_id": filled.device},
    ("account", "authorize"): lambda filled: parameters_of(filled.app),
    ("account", "app"): lambda _: {"redirectUrl": "https://pigeon.example/"},
    ("account", "link"): lambda filled: {"user_code": filled.user_code},
}
# Beside the addresses of the configuration: where there is no page.
NOWHERE: Final = Address("admin", "not-found", "/admin/no/such/page/")


def all_addresses(filled: Filled) -> list[Address]:
    """Every address of every area, with examples for its parameters."""
    found = [
        Address(area, name, path)
        for area in AREAS
        for name, pattern in _patterns(area)
        for path in _paths(area, name, pattern, filled)
    ]
    return [*dict.fromkeys(found), NOWHERE]


def _patterns(area: str) -> Iterator[tuple[str, URLPattern]]:
    for resolver in _resolvers(get_resolver()):
        if resolver.namespace == area:
            for pattern in resolver.url_patterns:
                assert isinstance(pattern, URLPattern)
                assert pattern.name, f"{pattern} has no name"
                if pattern.name != NOWHERE.name:
                    yield pattern.name, pattern


def _resolvers(resolver: URLResolver) -> Iterator[URLResolver]:
    yield resolver
    for inner in resolver.url_patterns:
        if isinstance(inner, URLResolver):
            yield from _resolvers(inner)


def _paths(area: str, name: str, pattern: URLPattern, filled: Filled) -> Iterator[str]:
    parameters = list(pattern.pattern.converters)
    for values in product(*(_examples(name, parameter, filled) for parameter in parameters)):
        path = reverse(f"{area}:{name}", kwargs=dict(zip(parameters, values, strict=True)))
        query = QUERIES[area, name](filled) if (area, name) in QUERIES else {}
        yield f"{path}?{urlencode(query)}" if query else path


def _examples(name: str, parameter: str, filled: Filled) -> list[Any]:
    for (beginning, known), values in EXAMPLES.items():
        if name.startswith(beginning) and known == parameter:
            return values(filled)
    raise AssertionError(f"say in EXAMPLES what {parameter} of the address {name} may be")
