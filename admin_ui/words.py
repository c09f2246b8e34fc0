"""What the words of Matrix and of Hearth that pages show mean to people."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

WORDS: Final[dict[str, dict[str, Promise | str]]] = {
    "membership": {
        "join": pgettext_lazy("membership", "joined"),
        "invite": pgettext_lazy("membership", "invited"),
        "knock": pgettext_lazy("membership", "asks to join"),
        "leave": pgettext_lazy("membership", "left"),
        "ban": pgettext_lazy("membership", "banned"),
    },
    "join rule": {
        "public": pgettext_lazy("join rule", "open to all"),
        "invite": pgettext_lazy("join rule", "by invitation"),
        "knock": pgettext_lazy("join rule", "by asking"),
        "restricted": pgettext_lazy("join rule", "members of other rooms"),
        "knock_restricted": pgettext_lazy("join rule", "members of other rooms, or by asking"),
        "private": pgettext_lazy("join rule", "nobody"),
    },
    "guest access": {
        "can_join": pgettext_lazy("guest access", "may join"),
        "forbidden": pgettext_lazy("guest access", "may not join"),
    },
    "history visibility": {
        "world_readable": pgettext_lazy("history visibility", "for everybody, members or not"),
        "shared": pgettext_lazy("history visibility", "for members, from the beginning"),
        "invited": pgettext_lazy("history visibility", "for members, since they were invited"),
        "joined": pgettext_lazy("history visibility", "for members, since they joined"),
    },
    "policy": {
        "user": pgettext_lazy("policy", "user"),
        "server": pgettext_lazy("policy", "server"),
        "room": pgettext_lazy("policy", "room"),
    },
    "area": {
        "admin": pgettext_lazy("area", "administration"),
        "account": pgettext_lazy("area", "account"),
    },
}
