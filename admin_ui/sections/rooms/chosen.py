"""What an administrator does with several rooms that were chosen: what cannot be undone is shown first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from admin_ui.faults import told
from admin_ui.keyset import read_numbers
from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.protocol.errors import MatrixError, NotFound
from matrix_app.services import administer_room, remove_chosen_media
from matrix_app.storage import room_list
from matrix_app.storage.room_list import ListedRoom

MOST: Final = 200


def _block(visit: Visit, room: ListedRoom) -> None:
    administer_room.set_blocked(visit.actor, room.room_id, True)


def _publish(visit: Visit, room: ListedRoom) -> None:
    administer_room.set_published(visit.actor, room.room_id, True)


def _unpublish(visit: Visit, room: ListedRoom) -> None:
    administer_room.set_published(visit.actor, room.room_id, False)


def _delete(visit: Visit, room: ListedRoom) -> None:
    administer_room.delete_room(visit.actor, room.room_id, block=visit.form.get("block") == "on")


_EACH: Final[dict[str, Callable[[Visit, ListedRoom], None]]] = {
    "block": _block,
    "publish": _publish,
    "unpublish": _unpublish,
    "delete": _delete,
}
# Shown before it is done, as it cannot be undone.
_FOR_GOOD: Final = frozenset({"delete", "media"})
DEEDS: Final = frozenset({*_EACH, *_FOR_GOOD})


@page("admin", confirmed=True)
def chosen(visit: Visit, deed: str) -> HttpResponse:
    """Do something with each of the chosen rooms; those that could not be are named."""
    if deed not in DEEDS:
        raise NotFound(_t("There is no such page"))
    nids = read_numbers(visit.form.getlist("chosen")[:MOST]) if visit.is_post else []
    found = room_list.some(nids)
    if not found:
        return visit.redirect(reverse("admin:rooms"))
    if deed in _FOR_GOOD and not visit.form.get("go"):
        members = sum(room.local_joined_members for room in found)
        return visit.page(f"rooms/chosen_{deed}", deed=deed, chosen=found, members=members)
    if deed in _FOR_GOOD:
        visit.require_typed(str(len(found)))
    if deed == "media":
        nid = remove_chosen_media.remove_of_rooms(visit.actor, [room.nid for room in found])
        return visit.redirect(reverse("admin:task", args=[nid]))
    return _each(visit, found, _EACH[deed])


def _each(visit: Visit, found: Sequence[ListedRoom], do: Callable[[Visit, ListedRoom], None]) -> HttpResponse:
    refused = []
    for room in found:
        try:
            do(visit, room)
        except MatrixError as error:
            refused.append(f"{room.room_id}: {told(error)}")
    if refused:
        return visit.redirect(reverse("admin:rooms"), "; ".join(refused), "error")
    done = ngettext("Done for %d room.", "Done for %d rooms.", len(found)) % len(found)
    return visit.redirect(reverse("admin:rooms"), done)
