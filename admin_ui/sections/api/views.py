"""The administrators' API: an example for each endpoint, by the page that does the same."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from admin_ui.page import page
from admin_ui.sections.api.examples import Example, example_of
from admin_ui.visit import Visit
from appliance.config import get_config
from matrix_app.http.dispatch import router
from matrix_app.http.endpoint import Auth, Endpoint, all_endpoints


class Topic(NamedTuple):
    """What a group of endpoints is about, and the page that does the same."""

    title: Promise | str
    page: str


USERS: Final = Topic(_("Users"), "admin:users")
ROOMS: Final = Topic(_("Rooms"), "admin:rooms")
MEDIA: Final = Topic(_("Media"), "admin:media")
OTHERS: Final = Topic(_("Other"), "admin:dashboard")
# By the last part of the name of the module that declares the endpoints.
TOPICS: Final = {
    "admin": USERS,
    "admin_users": USERS,
    "admin_devices": USERS,
    "admin_user_details": USERS,
    "admin_user_media": MEDIA,
    "admin_media": MEDIA,
    "admin_tokens": Topic(_("Invitations"), "admin:invitations"),
    "admin_rooms": ROOMS,
    "admin_room_list": ROOMS,
    "admin_room_actions": ROOMS,
    "admin_room_history": ROOMS,
    "admin_history": ROOMS,
    "admin_federation": Topic(_("Other servers"), "admin:federation"),
    "admin_reports": Topic(_("Reports"), "admin:reports"),
    "admin_notices": Topic(_("Notices"), "admin:notices"),
    "admin_server": Topic(_("Tasks"), "admin:tasks"),
}


class Shown(NamedTuple):
    """A group as it is shown."""

    title: Promise | str
    address: str
    examples: list[Example]


def administrators_endpoints() -> list[Endpoint]:
    """Every endpoint that only administrators may call."""
    router()  # has all of them declared
    return [declared for declared in all_endpoints() if declared.auth is Auth.ADMIN]


def topic_of(declared: Endpoint) -> Topic:
    """What an endpoint is about."""
    return TOPICS.get(declared.handler.__module__.rpartition(".")[2], OTHERS)


@page("admin")
def examples(visit: Visit) -> HttpResponse:
    """An example of every endpoint."""
    server = get_config().server
    base = server.public_baseurl.rstrip("/") or visit.origin
    found: dict[Topic, list[Example]] = {topic: [] for topic in (*TOPICS.values(), OTHERS)}
    for declared in administrators_endpoints():
        found[topic_of(declared)].append(example_of(declared, base, server.name))
    groups = [Shown(topic.title, reverse(topic.page), each) for topic, each in found.items() if each]
    return visit.page("api/examples", groups=groups, base=base)
