"""Which deeds there are, and which actions there should be deeds for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.urls import resolve

from admin_ui.sections.media.actions import DEEDS as MEDIA_DEEDS
from admin_ui.sections.rooms.chosen import DEEDS as ROOMS_DEEDS
from admin_ui.sections.users.chosen import DEEDS as USERS_DEEDS
from tests.factories.page_views import actions

if TYPE_CHECKING:
    from tests.admin_ui.deeds.stage import Stage

# Addresses that are several actions, by the last part. The list of media has no buttons for the others.
VARIANTS: Final[dict[str, tuple[str, ...]]] = {
    "admin:media-one": tuple(MEDIA_DEEDS),
    "admin:media-chosen": ("quarantine", "block", "remove"),
    "admin:rooms-chosen": tuple(ROOMS_DEEDS),
    "admin:users-chosen": tuple(USERS_DEEDS),
}
# It asks for forms only to find the device, as the actions beside it do.
ONLY_SHOWN: Final = {"account:device"}


class Deed(NamedTuple):
    """Something done in the browser."""

    do: Callable[[Stage], None]
    # By action, such as admin:user-lock: what it leaves in the audit log; None where nothing has been done.
    audited: dict[str, str | None]


DEEDS: list[Deed] = []


def deed(**audited: str | None) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Declare a function as a deed; admin_user_lock stands for admin:user-lock."""

    def declare(do: Callable[[Stage], None]) -> Callable[[Stage], None]:
        named = {_name(keyword): entry for keyword, entry in audited.items()}
        DEEDS.append(Deed(do, named))
        return do

    return declare


def _name(keyword: str) -> str:
    """The last part of a variant follows two underscores."""
    address, _, variant = keyword.partition("__")
    area, _, rest = address.partition("_")
    return f"{area}:{rest.replace('_', '-')}" + (f" {variant.replace('_', '-')}" if variant else "")


def wanted() -> set[str]:
    """Every action of the administration and of accounts. The setup has a test of its own."""
    found: set[str] = set()
    for view in actions("admin", "account"):
        name = str(view)
        if name not in ONLY_SHOWN:
            found |= {f"{name} {variant}" for variant in VARIANTS.get(name, ())} or {name}
    return found


def action_of(path: str) -> str:
    """The action that a form is sent to."""
    found = resolve(path)
    values: dict[str, Any] = found.kwargs
    return f"{found.view_name} {values['deed']}" if "deed" in values else found.view_name
