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
        "invite": pgettext_lazy("policy", "invites"),
    },
    "step": {
        "account": pgettext_lazy("step", "the account"),
        "rooms": pgettext_lazy("step", "rooms"),
        "keys": pgettext_lazy("step", "keys"),
        "media": pgettext_lazy("step", "media"),
        "index": pgettext_lazy("step", "the table of contents"),
        "user": pgettext_lazy("step", "users"),
        "server": pgettext_lazy("step", "servers"),
        "room": pgettext_lazy("step", "rooms"),
        "invite": pgettext_lazy("step", "invites"),
        "asking": pgettext_lazy("step", "asking to join"),
        "receiving": pgettext_lazy("step", "receiving the room"),
        "waiting": pgettext_lazy("step", "waiting for its turn"),
        "fetching keys": pgettext_lazy("step", "fetching keys"),
        "verifying": pgettext_lazy("step", "verifying"),
        "storing": pgettext_lazy("step", "storing"),
        "entering": pgettext_lazy("step", "entering the room"),
        "database": pgettext_lazy("step", "the database"),
        "files": pgettext_lazy("step", "keys and settings"),
        "manifest": pgettext_lazy("step", "the list of what is in it"),
        "unpack": pgettext_lazy("step", "taking it apart"),
        "parts": pgettext_lazy("step", "its files"),
    },
    "result": {
        "sent": pgettext_lazy("result", "sent"),
        "refused": pgettext_lazy("result", "refused"),
        "made": pgettext_lazy("result", "made"),
        "skipped": pgettext_lazy("result", "left out"),
        "matches": pgettext_lazy("result", "meant by it"),
        "behind": pgettext_lazy("result", "rooms that were behind"),
        "unanswered": pgettext_lazy("result", "rooms of which nobody answered"),
        "left": pgettext_lazy("result", "have left"),
        "not_left": pgettext_lazy("result", "have not left"),
        "copied": pgettext_lazy("result", "copied"),
        "lost": pgettext_lazy("result", "lost"),
        "messages_removed": pgettext_lazy("result", "messages removed"),
        "media": pgettext_lazy("result", "media"),
        "bytes": pgettext_lazy("result", "bytes"),
        "redacted": pgettext_lazy("result", "redacted"),
        "backup": pgettext_lazy("result", "backup"),
        "faults": pgettext_lazy("result", "faults"),
        "rooms": pgettext_lazy("result", "rooms"),
        "messages": pgettext_lazy("result", "messages"),
        "files": pgettext_lazy("result", "files"),
    },
    "area": {
        "admin": pgettext_lazy("area", "administration"),
        "account": pgettext_lazy("area", "account"),
    },
}
